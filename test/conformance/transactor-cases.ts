import { nextOffset, type Transaction } from '../../runtime/log.ts'
import { assert, rejects } from '../harness.ts'
import type { Declare } from './log-cases.ts'
import { of, unique } from './log-world.ts'

/** Transactions, fencing, and offsets committed with them. */
export function transactorCases(declare: Declare): void {
  declare('a transaction of several sends is seen whole after its commit', async each => {
    const { topic } = each
    const transaction = (await each.transactor(unique('whole'))).begin()
    const first = [
      { topic, partition: 0, records: [of('a'), of('b')] },
      { topic, partition: 1, records: [of('c')] },
    ]
    assert.equal(await transaction.send(first), [0, 0])
    assert.equal(await transaction.send([{ topic, partition: 0, records: [of('d')] }]), [2])
    await transaction.commit()
    assert.equal(await each.values(4), ['a', 'b', 'd'])
    assert.equal(await each.values(2, 0, 1), ['c'])
  })

  declare('transactions right after each other are each whole and in order', async each => {
    const { topic } = each
    const transactor = await each.transactor(unique('series'))
    for (let n = 0; n < 20; n++) {
      const transaction = transactor.begin()
      assert.equal(await transaction.send([{ topic, partition: 0, records: [of(`${n}`)] }]), [
        2 * n,
      ])
      await transaction.sendOffsets(`${topic}.commits`, topic, 0, {
        next: nextOffset(n),
        metadata: '',
      })
      await transaction.commit()
    }
    assert.equal(
      await each.values(40),
      Array.from({ length: 20 }, (_, n) => `${n}`),
    )
  })

  declare('a transaction may begin with its offsets', async each => {
    const { topic, log } = each
    const group = `${topic}.commits`
    const transactor = await each.transactor(unique('offsets'))
    for (let n = 1; n <= 3; n++) {
      const transaction = transactor.begin()
      await transaction.sendOffsets(group, topic, 0, { next: nextOffset(n), metadata: `${n}` })
      await transaction.commit()
    }
    await each.until('the last offset is committed', async () => {
      const [committed] = await log.committed(group, topic, [0])
      return committed?.metadata === '3' && committed.next === 3
    })
  })

  declare("fencing ends the older owner's open transaction", async each => {
    const { topic } = each
    const id = unique('fenced')
    const zombie = (await each.transactor(id)).begin()
    await zombie.send([{ topic, partition: 0, records: [of('zombie')] }])
    const owner = (await each.transactor(id)).begin()
    await owner.send([{ topic, partition: 0, records: [of('owner')] }])
    await owner.commit()
    assert.equal(await each.values(4), ['owner'])
  })

  for (const late of ['send', 'sendOffsets', 'commit'] as const) {
    declare(`an older owner's ${late} is fenced, and nothing of it is seen`, async each => {
      const { topic, log } = each
      const group = `${topic}.commits`
      const id = unique('late')
      const zombie = (await each.transactor(id)).begin()
      await zombie.send([{ topic, partition: 0, records: [of('zombie')] }])
      await each.transactor(id)
      const late0 = { topic, partition: 0, records: [of('late')] }
      const calls = {
        send: () => zombie.send([late0]),
        sendOffsets: () =>
          zombie.sendOffsets(group, topic, 0, { next: nextOffset(7), metadata: 'z' }),
        commit: () => zombie.commit(),
      }
      await rejects(calls[late], 'fenced')
      await each.produce(['end'])
      assert.equal(await each.values(3), ['end'])
      assert.equal(await log.committed(group, topic, [0]), [undefined])
    })
  }

  declare('a fenced owner is not seen in what it begins anew either', async each => {
    const { topic } = each
    const id = unique('anew')
    const zombie = await each.transactor(id)
    await each.transactor(id)
    const transaction = zombie.begin()
    await rejects(
      () => transaction.send([{ topic, partition: 0, records: [of('zombie')] }]),
      'fenced',
    )
    await each.produce(['end'])
    assert.equal(await each.values(1), ['end'])
  })

  declare('an owner is fenced also where its next transaction is open already', async each => {
    const { topic } = each
    const id = unique('series')
    const zombie = await each.transactor(id)
    const send = (transaction: Transaction, value: string) =>
      transaction.send([{ topic, partition: 0, records: [of(value)] }])
    for (const value of ['first', 'second', 'third']) {
      const transaction = zombie.begin()
      await send(transaction, value)
      await transaction.commit()
      await zombie.opened()
    }
    const owner = (await each.transactor(id)).begin()
    await rejects(() => send(zombie.begin(), 'late'), 'fenced')
    await send(owner, 'owner')
    await owner.commit()
    await each.until('the owner is seen', async () => {
      const [range] = await each.log.topics.ranges(topic)
      const seen = (await each.read(range?.end ?? 0)).map(({ value }) => value)
      return seen.join() === 'first,second,third,owner'
    })
  })

  declare('two transactional ids do not disturb each other', async each => {
    const { topic } = each
    const one = (await each.transactor(unique('one'))).begin()
    await one.send([{ topic, partition: 0, records: [of('one')] }])
    const two = (await each.transactor(unique('two'))).begin()
    await two.send([{ topic, partition: 1, records: [of('two')] }])
    await two.abort()
    await one.commit()
    assert.equal(await each.values(2), ['one'])
    assert.equal(await each.values(2, 0, 1), [])
  })

  declare('committed offsets are seen with their metadata, after the commit only', async each => {
    const { topic, log } = each
    const group = `${topic}.commits`
    const metadata = JSON.stringify({ history: 'ä', padding: 'x'.repeat(3_900) })
    assert.equal(await log.committed(group, topic, [0, 1]), [undefined, undefined])
    const transactor = await each.transactor(unique('commits'))
    const transaction = transactor.begin()
    await transaction.send([{ topic, partition: 0, records: [of('a')] }])
    await transaction.sendOffsets(group, topic, 1, { next: nextOffset(41), metadata })
    assert.equal(await log.committed(group, topic, [0, 1]), [undefined, undefined])
    await transaction.commit()
    await each.until('the offset is committed', async () => {
      return (await log.committed(group, topic, [1]))[0] !== undefined
    })
    const committed = await log.committed(group, topic, [1, 0])
    assert.equal(committed, [{ next: nextOffset(41), metadata }, undefined])
  })

  declare('an aborted transaction leaves the offset that was there', async each => {
    const { topic, log } = each
    const group = `${topic}.commits`
    const transactor = await each.transactor(unique('left'))
    const kept = { next: nextOffset(1), metadata: 'kept' }
    const first = transactor.begin()
    await first.sendOffsets(group, topic, 0, kept)
    await first.commit()
    const second = transactor.begin()
    await second.send([{ topic, partition: 0, records: [of('gone')] }])
    await second.sendOffsets(group, topic, 0, { next: nextOffset(2), metadata: 'gone' })
    await second.abort()
    await each.transactor(unique('another'))
    await each.produce(['end'])
    assert.equal(await each.values(3), ['end'])
    assert.equal(await log.committed(group, topic, [0]), [kept])
  })

  declare("an offset read after fencing is the older owner's last commit", async each => {
    const { topic, log } = each
    const group = `${topic}.commits`
    const id = unique('handover')
    let owner = await each.transactor(id)
    for (let n = 1; n <= 8; n++) {
      const transaction = owner.begin()
      await transaction.send([{ topic, partition: 0, records: [of(`${n}`)] }])
      await transaction.sendOffsets(group, topic, 0, { next: nextOffset(n), metadata: `${n}` })
      await transaction.commit()
      owner = await each.transactor(id)
      const committed = await log.committed(group, topic, [0])
      assert.equal(committed, [{ next: nextOffset(n), metadata: `${n}` }])
    }
  })

  declare(
    'a transaction left open too long is ended, and its owner fenced',
    async each => {
      const { topic } = each
      const transactor = await each.transactor(unique('slow'), 1_500)
      const transaction = transactor.begin()
      await transaction.send([{ topic, partition: 0, records: [of('slow')] }])
      await each.produce(['end'])
      assert.equal(await each.values(3), ['end'])
      await rejects(() => transaction.commit(), 'fenced')
    },
    { timeoutMs: 90_000 },
  )

  declare('what is sent to a topic that does not exist ends in unknown-topic', async each => {
    const records = [of('lost')]
    const absent = [{ topic: unique('absent'), partition: 0, records }]
    const beyond = [{ topic: each.topic, partition: 7, records }]
    const sends = [absent, beyond].map(async appends => {
      const transaction = (await each.transactor(unique('unknown'))).begin()
      await rejects(() => transaction.send(appends), 'unknown-topic')
    })
    const producer = each.closing(each.log.producer())
    await Promise.all([...sends, rejects(() => producer.send(absent), 'unknown-topic')])
  })
}
