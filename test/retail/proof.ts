import { randomUUID } from 'node:crypto'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { seededRandom } from '../../cli/random.ts'
import { type ReplayedEvent, replay } from '../../cli/replay.ts'
import { systemClock } from '../../runtime/clock.ts'
import { openKafkaLog } from '../../runtime/kafka-log.ts'
import type { Log } from '../../runtime/log.ts'
import { assert } from '../harness.ts'
import { MillraceProcess } from '../harness-process.ts'
import { assertSameFeatures } from './compare.ts'
import { retailEvents } from './events.ts'
import { retailOracle } from './oracle.ts'
import { readOutputs } from './outputs.ts'

export interface ProofOptions {
  readonly brokers: string
  /** A retail CSV, gzipped. */
  readonly csv: string
  /** How often the job's process is killed, each time in the middle of new work. */
  readonly kills: number
  /** After which kill (from 1) the job's data folder is deleted; 0: never. */
  readonly folderDeletedAfter: number
  readonly seed: number
}

export interface Proof {
  readonly customers: number
  readonly rows: number
  /** Of the kills, those that hit while something was sent and not committed. */
  readonly killsAtWork: number
}

const partitions = 4
const STALL_MS = 60_000
const retailJob = new URL('../../jobs/retail.ts', import.meta.url).href

/**
 * Runs jobs/retail.ts as a process over all lines of a CSV, killing it again and again, and rejects unless its
 * outputs say what DuckDB says: every field of every customer, one dead letter for each line without a
 * customer, one `firstOrder` for each buyer, versions that only grow.
 */
export async function proveRetail(options: ProofOptions): Promise<Proof> {
  const folder = await mkdtemp(join(tmpdir(), 'millrace-proof-'))
  const clock = systemClock
  const log = openKafkaLog({ brokers: options.brokers, clientId: 'proof', clock })
  try {
    const job = await uniqueJob(folder)
    const killsAtWork = await runThroughKills(log, job, folder, options)
    const expected = await retailOracle(options.csv)
    const outputs = await readOutputs(log, job.name)

    assertSameFeatures(expected.features, outputs.features)
    assert.equal([...outputs.dead], [['no_user', expected.linesWithoutCustomer]])
    assert.equal(outputs.deadTwice, [])
    assert.equal(outputs.versionsNotGrowing.slice(0, 10), [])
    const buyers = Array.from(expected.features).filter(([, { orders }]) => orders > 0)
    const fired = outputs.triggers.get('firstOrder') ?? new Map<string, number>()
    assert.equal([...fired.keys()].sort(), buyers.map(([customer]) => customer).sort())
    assert.equal(
      [...fired].filter(([, times]) => times !== 1),
      [],
    )
    return { customers: expected.features.size, rows: outputs.rows, killsAtWork }
  } finally {
    await log.close()
    await rm(folder, { recursive: true, force: true })
  }
}

interface ProvenJob {
  readonly name: string
  readonly input: string
  readonly path: string
}

/** jobs/retail.ts under a name and an input that no other run has. */
async function uniqueJob(folder: string): Promise<ProvenJob> {
  const name = `retail-${randomUUID().slice(0, 8)}`
  const input = `${name}-events`
  const path = join(folder, 'job.ts')
  const changed = JSON.stringify({ name, input })
  await writeFile(
    path,
    `import job from '${retailJob}'\nexport default { ...job, ...${changed} }\n`,
  )
  return { name, input, path }
}

/**
 * One life after the other, each with its portion of the events to work on. All lives but the last end by a
 * kill at a seeded moment: when a part of the portion is committed, and some milliseconds later.
 */
async function runThroughKills(
  log: Log,
  job: ProvenJob,
  folder: string,
  { brokers, csv, kills, folderDeletedAfter, seed }: ProofOptions,
): Promise<number> {
  const random = seededRandom(seed)
  const data = join(folder, 'data')
  const config = { 'message.timestamp.type': 'LogAppendTime' }
  await log.topics.create([{ topic: job.input, partitions, replication: 1, config }])
  const events: ReplayedEvent[] = []
  for await (const event of retailEvents(csv)) events.push(event)

  const flags = ['--brokers', brokers, '--data', data, '--port', '0', '--session-ms', '6000']
  let killsAtWork = 0
  let sent = 0
  for (let life = 0; life <= kills; life++) {
    const from = sent
    sent = Math.round((events.length * (life + 1)) / (kills + 1))
    await send(log, job.input, events.slice(from, sent))
    const child = new MillraceProcess(['run', job.path, ...flags])
    try {
      if (life === kills) {
        await committed(log, job, child, sent)
        await child.ready()
        await child.stop()
        break
      }
      await committed(log, job, child, from + 1 + Math.floor((sent - from) * random() * 0.6))
      await systemClock.sleep(random() * 100)
      await child.kill()
    } finally {
      await child.kill()
    }
    if ((await committedSum(log, job)) < sent) killsAtWork += 1
    if (life + 1 === folderDeletedAfter) await rm(data, { recursive: true })
  }
  return killsAtWork
}

async function send(log: Log, topic: string, events: readonly ReplayedEvent[]): Promise<void> {
  const producer = log.producer()
  try {
    await replay(events, { producer, topic, partitions })
  } finally {
    await producer.close()
  }
}

/** Resolves when so many events are committed. */
async function committed(
  log: Log,
  job: ProvenJob,
  child: MillraceProcess,
  wanted: number,
): Promise<void> {
  let seen = -1
  let seenAt = systemClock.elapsed()
  for (;;) {
    const done = await committedSum(log, job)
    if (done >= wanted) return
    child.assertRunning()
    if (done > seen) {
      seen = done
      seenAt = systemClock.elapsed()
    } else if (systemClock.elapsed() - seenAt > STALL_MS) {
      throw new Error(`stuck at ${done} of ${wanted} events for ${STALL_MS} ms:\n${child.output}`)
    }
    await systemClock.sleep(5)
  }
}

async function committedSum(log: Log, { name, input }: ProvenJob): Promise<number> {
  const all = Array.from({ length: partitions }, (_, partition) => partition)
  const offsets = await log.committed(`${name}.commits`, input, all)
  return offsets.reduce((sum, each) => sum + (each?.next ?? 0), 0)
}
