import { mkdtempSync, readFileSync, rmSync, statfsSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { usageOf } from '../../bench/measured-process.ts'
import { machine, table, writeResults } from '../../bench/results.ts'
import { checkBatch, readBatchHeader } from '../../protocol/record-batch.ts'
import { systemClock } from '../../runtime/clock.ts'
import { type BrokerProcess, spawnBroker } from '../broker/broker-process.ts'
import { batchOf, Wire } from '../conformance/wire.ts'
import { assert, skip, suite } from '../harness.ts'

/**
 * The embedded broker with 5 GB on its disk: what it holds in memory is an index, not records, so that its
 * memory is that of a broker with little. MILLRACE_LOG_GB for less; only the whole is a result.
 */
const PROOF_GB = 5
const GB = Number(process.env.MILLRACE_LOG_GB ?? PROOF_GB)
const test = suite('a log of 5 GB', { timeoutMs: 600_000 })

const PARTITIONS = 4
/** So small that nearly every batch has an entry in the index: what takes the most memory. */
const RECORDS_PER_BATCH = 150
const IN_FLIGHT = 8
/** Beside a broker that has nothing yet, while it writes, reads or has come back. */
const GROWTH_MB_MAX = 250
/** Once it has come back, before anybody has asked it for anything. */
const INDEX_MB_MAX = 60
const batch = batchOf(
  Array.from({ length: RECORDS_PER_BATCH }, (_, index) => ({
    key: `user-${index}`,
    value: Buffer.alloc(100, `${index} `),
  })),
)
const batches = Math.ceil((GB * 1e9) / batch.length / PARTITIONS)
const topics = Array.from({ length: PARTITIONS }, (_, index) => `events-${index}`)
const rows: (string | number)[][] = []
let folder = ''
let broker: BrokerProcess
let emptyMb = 0

test.before(async () => {
  const { bavail, bsize } = statfsSync(tmpdir())
  const freeGb = (bavail * bsize) / 1e9
  if (freeGb < GB * 1.5)
    skip(`${tmpdir()} has ${freeGb.toFixed(1)} GB free, ${GB * 1.5} are needed`)
  folder = mkdtempSync(join(tmpdir(), 'millrace-large-'))
  broker = await spawnBroker(folder)
  emptyMb = memory().nowMb
})
test.after(async () => {
  await broker?.kill()
  if (folder !== '') rmSync(folder, { recursive: true })
})

test('written record by record, it takes no memory for records', async () => {
  await step('write', async () => {
    await Promise.all(topics.map(write))
  })
  assert.ok(memory().peakMb - emptyMb < GROWTH_MB_MAX, grown())
})

test('killed and started again, it is back with its index alone, and gives all of it', async () => {
  await broker.kill()
  await step('start after kill -9', async () => {
    broker = await spawnBroker(folder)
  })
  assert.ok(memory().nowMb - emptyMb < INDEX_MB_MAX, grown())
  await step('last batch', () => readLast())
  await step('read from the start', async () => {
    await Promise.all(topics.map(readAll))
  })
  assert.ok(memory().peakMb - emptyMb < GROWTH_MB_MAX, grown())
})

test('stopped in order, it starts without reading its log', async () => {
  await broker.stop()
  await step('start after a stop', async () => {
    broker = await spawnBroker(folder)
  })
  await step('first batch', () => readFirst())
  await step('last batch', () => readLast())
  assert.ok(memory().nowMb - emptyMb < INDEX_MB_MAX, grown())
  if (GB < PROOF_GB) return
  const heads = ['step', 'seconds', 'broker’s CPU s', 'resident MB', 'most so far']
  const records = batches * PARTITIONS * RECORDS_PER_BATCH
  writeResults(
    'The embedded broker with 5 GB',
    [
      `${machine(new Date(systemClock.now()))}, by \`npm run prove\``,
      `${records} records in ${PARTITIONS} partitions, in batches of ${batch.length} bytes; an empty broker has ${emptyMb} MB resident`,
      table(heads, rows),
    ].join('\n\n'),
  )
})

async function write(topic: string): Promise<void> {
  const wire = await Wire.open(broker.address)
  await wire.createTopic(topic)
  for (let sent = 0; sent < batches; ) {
    const some = Math.min(IN_FLIGHT, batches - sent)
    const sends = Array.from({ length: some }, () => wire.produce(topic, batch))
    for (const { error, offset } of await Promise.all(sends)) {
      if (error !== 'NONE' || offset !== sent * RECORDS_PER_BATCH)
        throw new Error(`batch ${sent} of ${topic}: ${error} at ${offset}`)
      sent++
    }
  }
  wire.close()
}

/** Every batch, each sound, and without a hole. */
async function readAll(topic: string): Promise<void> {
  const wire = await Wire.open(broker.address)
  let next = 0
  while (next < batches * RECORDS_PER_BATCH) {
    const before = next
    const { records } = await wire.fetch(topic, next)
    let header = readBatchHeader(records, 0)
    while (header !== undefined) {
      const problem = checkBatch(records, header)
      if (header.baseOffset !== next || problem !== undefined)
        throw new Error(`expected offset ${next}, found ${header.baseOffset}, ${problem}`)
      next = header.lastOffset + 1
      header = readBatchHeader(records, header.position + header.byteLength)
    }
    if (next === before) throw new Error(`nothing at ${next} of ${topic}`)
  }
  assert.is(next, batches * RECORDS_PER_BATCH)
  wire.close()
}

const readFirst = () => readOne(0)
const readLast = () => readOne((batches - 1) * RECORDS_PER_BATCH)

async function readOne(offset: number): Promise<void> {
  const wire = await Wire.open(broker.address)
  for (const topic of topics) {
    const { records, end } = await wire.fetch(topic, offset)
    assert.is(readBatchHeader(records, 0)?.baseOffset, offset)
    assert.is(end, batches * RECORDS_PER_BATCH)
  }
  wire.close()
}

/** Does it, and notes what it took. */
async function step(name: string, work: () => Promise<unknown>): Promise<void> {
  const startedAt = systemClock.elapsed()
  const cpuBefore = memory().cpuSeconds
  const of = broker
  await work()
  const seconds = (systemClock.elapsed() - startedAt) / 1000
  const { cpuSeconds, nowMb, peakMb } = memory()
  const cpu = cpuSeconds - (of === broker ? cpuBefore : 0)
  rows.push([name, round(seconds), round(cpu), nowMb, peakMb])
  console.log(
    `\n  ${name}: ${round(seconds)} s, CPU ${round(cpu)} s, ${nowMb} MB, at most ${peakMb}`,
  )
}

function memory(): { nowMb: number; peakMb: number; cpuSeconds: number } {
  const { pid = 0 } = broker.process
  const usage = usageOf(pid)
  if (usage === undefined) return { nowMb: 0, peakMb: 0, cpuSeconds: 0 }
  const resident = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'latin1'))
  const nowMb = Math.round(Number(resident?.[1] ?? 0) / 1024)
  return { nowMb, peakMb: usage.peakRssMb, cpuSeconds: usage.cpuSeconds }
}

const grown = () => {
  const { nowMb, peakMb } = memory()
  return `${nowMb} MB, at most ${peakMb}; empty it had ${emptyMb}`
}
const round = (value: number) => Math.round(value * 100) / 100

test.run()
