import { appendFileSync, mkdtempSync, readdirSync, rmSync, statSync, truncateSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type BrokerLine, startBroker } from '../../broker/broker.ts'
import { Writer } from '../../protocol/writer.ts'
import { batchOf, unique, Wire } from '../conformance/wire.ts'
import { assert, suite } from '../harness.ts'
import { spawnBroker } from './broker-process.ts'

const test = suite('broker recovery')
let folder: string

test.before.each(() => {
  folder = mkdtempSync(join(tmpdir(), 'millrace-broker-'))
})
test.after.each(() => rmSync(folder, { recursive: true }))

test('what was acknowledged before kill -9 is there after it, in order', async () => {
  let expected = 0
  for (let round = 0; round < 3; round++) {
    const broker = await spawnBroker(folder)
    const wire = await Wire.open(broker.address)
    if (round === 0) await wire.createTopic('events')
    assert.is((await wire.seen('events')).length, expected)
    const acknowledged: number[] = []
    const killed = new Promise(resolve => setTimeout(() => resolve(broker.kill()), 150))
    try {
      for (let index = 0; ; index++) {
        const { offset } = await wire.produce(
          'events',
          batchOf([`${round}.${index}`, 'x'.repeat(index % 900)]),
        )
        acknowledged.push(offset)
      }
    } catch {
      await killed
    }
    const last = acknowledged.at(-1)
    assert.ok(last !== undefined && acknowledged.length > 5, 'too few to prove anything')
    assert.equal(
      acknowledged,
      acknowledged.map((_, index) => (acknowledged[0] ?? 0) + 2 * index),
    )
    const again = await spawnBroker(folder)
    const reader = await Wire.open(again.address)
    const seen = await reader.seen('events')
    // At most the one batch that was in flight is there without having been acknowledged.
    assert.ok(seen.length === last + 2 || seen.length === last + 4, `${seen.length} of ${last + 2}`)
    expected = seen.length
    reader.close()
    await again.kill()
  }
})

test('a torn tail is cut off, and said', async () => {
  await withBroker(folder, async wire => {
    await wire.createTopic('events')
    await wire.produce('events', batchOf(['a']))
    await wire.produce('events', batchOf(['b']))
  })
  const path = join(folder, 'topics', 'events-0', '00000000000000000000.log')
  const whole = statSync(path).size
  const halfBatch = batchOf(['c']).subarray(0, 50)
  appendFileSync(path, halfBatch)
  const lines: BrokerLine[] = []
  const log = (line: BrokerLine) => lines.push(line)
  await withBroker(
    folder,
    async wire => assert.equal(await wire.seen('events'), ['0:a', '1:b']),
    log,
  )
  assert.is(statSync(path).size, whole)
  assert.match(lines.map(each => each.message).join(), /cut off 50 bytes/)
  truncateSync(path, whole - 1)
  await withBroker(folder, async wire => {
    assert.equal(await wire.seen('events'), ['0:a'])
    assert.is((await wire.produce('events', batchOf(['b again']))).offset, 1)
  })
})

test('producers, transactions and offsets are what they were, after a clean stop and after a kill', async () => {
  const id = unique('tx')
  const killable = await spawnBroker(folder)
  const first = await Wire.open(killable.address)
  await first.createTopic('events')
  const idempotent = await first.initProducerId(null)
  await first.produce('events', batchOf(['once'], { ...idempotent, sequence: 0 }))
  const owner = await first.initProducerId(id)
  await first.addPartitions(id, owner, 'events')
  const transactional = (value: string, sequence: number) =>
    batchOf([value], { ...owner, sequence, transactional: true })
  await first.produce('events', transactional('open', 0), { transactionalId: id })
  await commitOffset(first, 'group', 'events', 1, 'noted')
  first.close()
  await killable.kill()

  await withBroker(folder, async wire => {
    assert.equal(await wire.seen('events'), ['0:once'], 'the transaction is still open')
    const again = await wire.produce('events', batchOf(['once'], { ...idempotent, sequence: 0 }))
    assert.equal([again.error, again.offset], ['NONE', 0])
    assert.is(
      (await wire.produce('events', transactional('more', 1), { transactionalId: id })).error,
      'NONE',
    )
  })
  await withBroker(folder, async wire => {
    assert.is(await wire.endTxn(id, owner, 'commit'), 'NONE')
    assert.equal(await wire.seen('events'), ['0:once', '1:open', '2:more'])
    assert.is(await committedOffset(wire, 'group', 'events'), '1 noted')
    const fresh = await wire.initProducerId(null)
    assert.ok(fresh.producerId > owner.producerId, 'no producer id is given twice')
    assert.is((await wire.initProducerId(id)).epoch, owner.epoch + 1)
  })
})

test('a deleted topic leaves nothing behind, also when its deletion was cut short', async () => {
  await withBroker(folder, async wire => wire.createTopic('kept'))
  rmSync(join(folder, 'topics', 'kept-0'), { recursive: true })
  appendFileSync(join(folder, 'topics', 'stray'), '')
  await withBroker(folder, async wire => {
    assert.equal(await wire.seen('kept'), [])
    assert.equal(readdirSync(join(folder, 'topics')), ['kept-0'])
  })
})

async function withBroker(
  where: string,
  body: (wire: Wire) => Promise<void>,
  log?: (line: BrokerLine) => void,
): Promise<void> {
  const broker = await startBroker({ folder: where, ...(log && { log }) })
  const wire = await Wire.open(broker.address)
  try {
    await body(wire)
  } finally {
    wire.close()
    await broker.close()
  }
}

async function commitOffset(
  wire: Wire,
  group: string,
  topic: string,
  offset: number,
  metadata: string,
): Promise<void> {
  const body = new Writer().string(group).int32(-1).string('')
  body.array([topic], () =>
    body.string(topic).array([0], () => body.int32(0).int64(offset).string(metadata)),
  )
  await wire.request('OffsetCommit', 5, body)
}

async function committedOffset(wire: Wire, group: string, topic: string): Promise<string> {
  const body = new Writer()
    .string(group)
    .array([topic], (_, writer) => writer.string(topic).array([0], each => writer.int32(each)))
  const answer = await wire.request('OffsetFetch', 4, body)
  answer.int32()
  const found = answer.array(one => {
    one.string()
    return one.array(each => {
      each.int32()
      const offset = each.int64()
      const metadata = each.nullableString()
      each.int16()
      return `${offset} ${metadata}`
    })
  })
  return found.flat().join()
}

test.run()
