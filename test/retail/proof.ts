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
  /** How the lives of the job's process end, one after the other; the last one ends in order. */
  readonly deaths: readonly Death[]
  readonly seed: number
}

/** A `kill -9` in the middle of new work. */
export interface Death {
  /** As MILLRACE_TEST_DIE_AT says it (`runtime/die-at.ts`); without it, when a seeded part of the work is done. */
  readonly at?: string
  /** The job's data folder is deleted after it. */
  readonly loses?: 'folder'
}

/** So many deaths at seeded moments, with the folder lost after one of them (from 1). */
export function randomDeaths(count: number, folderLostAfter: number): Death[] {
  return Array.from({ length: count }, (_, index) =>
    index + 1 === folderLostAfter ? { loses: 'folder' } : {},
  )
}

export interface Proof {
  readonly customers: number
  readonly rows: number
  /** Of the kills, those that hit while something was sent and not committed. */
  readonly killsAtWork: number
}

const partitions = 4
const STALL_MS = 60_000
/** A moment to die at comes within so long, or never. */
/** Of the moments chosen, so many may not come. */
const MISSED_MAX = 3
const DEATH_MS = 30_000
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
 * One life after the other, each with its portion of the events to work on. Most of it lies there when the life
 * begins, the rest trickles in, so that there is something to do whenever the process dies.
 */
async function runThroughKills(
  log: Log,
  job: ProvenJob,
  folder: string,
  { brokers, csv, deaths, seed }: ProofOptions,
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
  const missed: string[] = []
  for (const [life, death] of [...deaths, undefined].entries()) {
    const end = Math.round((events.length * (life + 1)) / (deaths.length + 1))
    const portion = events.slice(sent, end)
    const backlog = portion.length - (death?.at === undefined ? 0 : Math.floor(portion.length / 3))
    await send(log, job.input, portion.slice(0, backlog))
    const environment = death?.at === undefined ? {} : { MILLRACE_TEST_DIE_AT: death.at }
    const child = new MillraceProcess(['run', job.path, ...flags], environment)
    try {
      if (death === undefined) {
        await committed(log, job, child, end)
        await child.ready()
        await child.stop()
      } else if (death.at === undefined) {
        const part = 1 + Math.floor(portion.length * random() * 0.6)
        await committed(log, job, child, sent + part)
        await systemClock.sleep(random() * 100)
        await child.kill()
      } else {
        await trickle(log, job, child, portion.slice(backlog))
        const found = await child.ended(DEATH_MS).catch(() => 'late')
        // A life with nothing to restore does not come to that moment; it is killed where it stands.
        if (found === 'late') missed.push(death.at)
        else if (found !== 'SIGKILL')
          throw new Error(`to die at ${death.at}: ${found}\n${child.output}`)
        if (missed.length > MISSED_MAX) throw new Error(`moments that did not come: ${missed}`)
      }
    } finally {
      await child.kill()
    }
    sent = end
    if (death !== undefined && (await committedSum(log, job)) < sent) killsAtWork += 1
    if (death?.loses === 'folder') await rm(data, { recursive: true })
  }
  return killsAtWork
}

/** Sends the events in pieces once the process works, for three seconds; what is left when it has died, at once. */
async function trickle(
  log: Log,
  job: ProvenJob,
  child: MillraceProcess,
  events: readonly ReplayedEvent[],
): Promise<void> {
  const pieces = 60
  const before = await committedSum(log, job)
  while (!child.hasEnded && (await committedSum(log, job)) === before) await systemClock.sleep(20)
  const producer = log.producer()
  try {
    for (let piece = 0; piece < pieces; piece++) {
      const at = (index: number) => Math.round((events.length * index) / pieces)
      const some = events.slice(at(piece), at(piece + 1))
      await replay(some, { producer, topic: job.input, partitions })
      if (!child.hasEnded) await systemClock.sleep(50)
    }
  } finally {
    await producer.close()
  }
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
