import { nextOffset, type Reader } from '../../runtime/log.ts'
import { assert, rejects } from '../harness.ts'
import type { Declare } from './log-cases.ts'
import { of, recordsOf, unique } from './log-world.ts'

/** Positions, and what a reader of committed records sees. */
export function readerCases(declare: Declare): void {
  declare('a reader without positions waits and brings nothing', async each => {
    assert.equal(await each.reader().poll(), [])
  })

  declare('an empty answer tells start, end and an unmoved position', async each => {
    await each.produce(['a', 'b'])
    const reader = each.reader()
    reader.seek(0, nextOffset(2))
    const batch = await each.poll(reader, 'batch')
    const { partition, fetched, next, start, end } = batch
    assert.equal(
      { partition, fetched, next, start, end },
      {
        partition: 0,
        fetched: nextOffset(2),
        next: nextOffset(2),
        start: nextOffset(0),
        end: nextOffset(2),
      },
    )
    assert.is(batch.records.length, 0)
  })

  declare('positions follow each other without a gap', async each => {
    const reader = each.reader()
    reader.seek(0, nextOffset(0))
    for (let n = 0; n < 5; n++) await each.produce([`${n}.0`, `${n}.1`, `${n}.2`])
    let position = 0
    const values: (string | null)[] = []
    await each.until('all is read', async () => {
      for (const fetched of await reader.poll()) {
        if (fetched.kind !== 'batch') throw new Error('out of range')
        assert.is(fetched.fetched, position)
        position = fetched.next
        values.push(...recordsOf(fetched).map(({ value }) => value))
      }
      return position === 15
    })
    assert.is(values.length, 15)
    assert.is(new Set(values).size, 15)
  })

  declare('a position inside a record batch brings the rest of it', async each => {
    await each.produce(['a', 'b', 'c', 'd'])
    const reader = each.reader()
    reader.seek(0, nextOffset(2))
    const batch = await each.poll(reader, 'batch', ({ records }) => records.length > 0)
    assert.is(batch.fetched, 2)
    assert.is(batch.next, 4)
    assert.equal(
      recordsOf(batch).map(({ value }) => value),
      ['c', 'd'],
    )
  })

  declare('a seek back reads again, a seek ahead skips', async each => {
    for (const value of ['a', 'b', 'c']) await each.produce([value])
    const reader = each.reader()
    reader.seek(0, nextOffset(0))
    assert.is((await each.readOn(reader, 3)).length, 3)
    reader.seek(0, nextOffset(1))
    assert.equal(
      (await each.readOn(reader, 3)).map(({ value }) => value),
      ['b', 'c'],
    )
    reader.seek(0, nextOffset(0))
    reader.seek(0, nextOffset(2))
    assert.equal(
      (await each.readOn(reader, 3)).map(({ value }) => value),
      ['c'],
    )
  })

  const betweens = {
    'a seek': () => undefined,
    'a drop and a seek': (reader: Reader) => reader.drop(0),
  }
  for (const [name, between] of Object.entries(betweens)) {
    declare(`${name} during a poll drops what that poll still brings`, async each => {
      await each.produce(['a', 'b', 'c'])
      const reader = each.reader()
      reader.seek(0, nextOffset(3))
      await reader.poll()
      const poll = reader.poll()
      await each.sleep(30)
      between(reader)
      reader.seek(0, nextOffset(0))
      await each.produce(['d'])
      const values: (string | null)[] = []
      let fetched = await poll
      await each.until('all is read', async () => {
        for (const batch of fetched) {
          if (batch.kind === 'batch') values.push(...recordsOf(batch).map(({ value }) => value))
        }
        if (values.includes('d')) return true
        fetched = await reader.poll()
        return false
      })
      assert.equal(values, ['a', 'b', 'c', 'd'])
    })
  }

  declare('a paused partition brings nothing until it is resumed', async each => {
    await each.produce(['a'], 0)
    await each.produce(['b'], 1)
    const reader = each.reader()
    reader.seek(0, nextOffset(0))
    reader.seek(1, nextOffset(0))
    reader.pause(0)
    const seen: number[] = []
    for (let poll = 0; poll < 10; poll++) {
      for (const fetched of await reader.poll()) seen.push(fetched.partition)
    }
    assert.ok(seen.includes(1))
    assert.not.ok(seen.includes(0))
    reader.resume(0)
    const batch = await each.poll(reader, 'batch', ({ partition }) => partition === 0)
    assert.is(batch.fetched, 0)
  })

  declare('a dropped partition is forgotten', async each => {
    await each.produce(['a'])
    const reader = each.reader()
    reader.seek(0, nextOffset(0))
    reader.drop(0)
    for (let poll = 0; poll < 3; poll++) assert.equal(await reader.poll(), [])
  })

  declare('a position beyond the end is out of range until the next seek', async each => {
    await each.produce(['a', 'b'])
    const reader = each.reader()
    reader.seek(0, nextOffset(9))
    const { partition, fetched, start, end } = await each.poll(reader, 'out-of-range')
    assert.equal(
      { partition, fetched, start, end },
      {
        partition: 0,
        fetched: nextOffset(9),
        start: nextOffset(0),
        end: nextOffset(2),
      },
    )
    assert.equal(await reader.poll(), [])
    reader.seek(0, nextOffset(1))
    assert.equal(
      (await each.readOn(reader, 2)).map(({ value }) => value),
      ['b'],
    )
  })

  declare('a record is read soon after it was written, by a poll that waited', async each => {
    const reader = each.reader()
    reader.seek(0, nextOffset(0))
    const read = each.readOn(reader, 1)
    await each.sleep(150)
    await each.produce(['late'])
    assert.equal(
      (await read).map(({ value }) => value),
      ['late'],
    )
  })

  declare('records of an open transaction are not seen, and end waits for it', async each => {
    await each.produce(['before'])
    const transactor = await each.transactor(unique('open'))
    const transaction = transactor.begin()
    await transaction.send([{ topic: each.topic, partition: 0, records: [of('a'), of('b')] }])
    await each.produce(['after'])
    const reader = each.reader()
    reader.seek(0, nextOffset(0))
    assert.equal(
      (await each.readOn(reader, 1)).map(({ value }) => value),
      ['before'],
    )
    const batch = await each.poll(reader, 'batch')
    assert.is(batch.next, 1)
    assert.is(batch.end, 1)
    await transaction.commit()
    const rest = await each.readOn(reader, 5)
    assert.equal(
      rest.map(({ value }) => value),
      ['a', 'b', 'after'],
    )
  })

  declare('the position moves past the control record at the end', async each => {
    const transactor = await each.transactor(unique('control'))
    const transaction = transactor.begin()
    await transaction.send([{ topic: each.topic, partition: 0, records: [of('a')] }])
    await transaction.commit()
    assert.equal(await each.values(2), ['a'])
    const reader = each.reader()
    reader.seek(0, nextOffset(1))
    const batch = await each.poll(reader, 'batch', ({ next }) => next === 2)
    assert.is(batch.end, 2)
    assert.is(batch.records.length, 0)
  })

  declare('aborted records are never seen, and the position moves past them', async each => {
    const transactor = await each.transactor(unique('aborted'))
    for (const [value, ending] of [
      ['a', 'commit'],
      ['b', 'abort'],
      ['c', 'commit'],
      ['d', 'abort'],
    ] as const) {
      const transaction = transactor.begin()
      await transaction.send([{ topic: each.topic, partition: 0, records: [of(value)] }])
      await transaction[ending]()
    }
    const seen = await each.read(8)
    assert.equal(
      seen.map(({ offset, value }) => [offset, value]),
      [
        [0, 'a'],
        [4, 'c'],
      ],
    )
    assert.equal(await each.values(8, 6), [])
  })

  declare('aborted and committed transactions of two writers may overlap', async each => {
    const { topic } = each
    const one = (await each.transactor(unique('one'))).begin()
    const two = (await each.transactor(unique('two'))).begin()
    await one.send([{ topic, partition: 0, records: [of('one.0')] }])
    await two.send([{ topic, partition: 0, records: [of('two.0')] }])
    await one.send([{ topic, partition: 0, records: [of('one.1')] }])
    await two.abort()
    await one.send([{ topic, partition: 0, records: [of('one.2')] }])
    await one.commit()
    assert.equal(await each.values(6), ['one.0', 'one.1', 'one.2'])
  })

  declare('a topic or a partition that does not exist ends in unknown-topic', async each => {
    const absent = each.reader(unique('absent'))
    absent.seek(0, nextOffset(0))
    const beyond = each.reader()
    beyond.seek(7, nextOffset(0))
    const refused = (reader: Reader) => rejects(() => each.poll(reader, 'batch'), 'unknown-topic')
    await Promise.all([absent, beyond].map(refused))
  })
}
