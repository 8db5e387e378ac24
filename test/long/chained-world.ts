import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { topicRecords } from '../../cli/topic-records.ts'
import { partitionFor } from '../../protocol/murmur2.ts'
import type { OutgoingRecord } from '../../protocol/record-batch.ts'
import { systemClock } from '../../runtime/clock.ts'
import { inputSpec } from '../../runtime/job-topics.ts'
import { openKafkaLog } from '../../runtime/kafka-log.ts'
import type { Log, Producer } from '../../runtime/log.ts'
import { forwardsGroup, rekeyedTopic } from '../../runtime/rekeyed.ts'
import { forgetJob } from '../broker-under-test.ts'
import { MillraceProcess } from '../harness-process.ts'

const jobsUrl = new URL('./chained-jobs.ts', import.meta.url).href
const WAIT_MS_MAX = 120_000
const PARTITIONS = { baskets: 2, things: 3 }
const START = Date.UTC(2026, 10, 22)

/** What is kept of each key. */
export type Kept = Record<string, Record<string, number>>

/** Two jobs in processes of their own: users' baskets, and the things that these tell of. */
export class ChainedWorld {
  readonly #brokers: string
  readonly #folder: string
  readonly #names: { readonly baskets: string; readonly things: string }
  readonly #log: Log
  readonly #producer: Producer
  readonly #running = new Map<string, MillraceProcess>()
  readonly expected: { baskets: Kept; things: Kept } = { baskets: {}, things: {} }
  #sent = 0

  private constructor(brokers: string, folder: string) {
    this.#brokers = brokers
    this.#folder = folder
    this.#names = { baskets: `baskets-${folder.slice(-6)}`, things: `things-${folder.slice(-6)}` }
    this.#log = openKafkaLog({ brokers, clientId: 'chained', clock: systemClock })
    this.#producer = this.#log.producer()
  }

  static async open(brokers: string): Promise<ChainedWorld> {
    const folder = await mkdtemp(join(tmpdir(), 'millrace-chained-'))
    const world = new ChainedWorld(brokers, folder)
    const { baskets, things } = world.#names
    const target = `${things}-events`
    await world.#log.topics.create([
      inputSpec(`${baskets}-events`, PARTITIONS.baskets, 1),
      inputSpec(target, PARTITIONS.things, 1),
    ])
    await writeFile(join(folder, 'things.ts'), jobSource(`thingJob('${things}')`))
    await writeFile(join(folder, 'baskets.ts'), jobSource(`basketJob('${baskets}', '${target}')`))
    return world
  }

  start(which: 'baskets' | 'things'): void {
    const job = join(this.#folder, `${which}.ts`)
    const flags = ['--brokers', this.#brokers, '--data', join(this.#folder, 'data'), '--port', '0']
    this.#running.set(
      which,
      new MillraceProcess(['run', job, ...flags, '--lanes', '1', '--session-ms', '6000']),
    )
  }

  async killAndStart(which: 'baskets' | 'things'): Promise<void> {
    await this.#running.get(which)?.kill()
    this.start(which)
  }

  /** Sends baskets of a few things, by one of twenty users each. */
  async send(count: number): Promise<void> {
    const appends: { topic: string; partition: number; records: OutgoingRecord[] }[] = []
    for (let partition = 0; partition < PARTITIONS.baskets; partition++)
      appends.push({ topic: `${this.#names.baskets}-events`, partition, records: [] })
    for (let left = count; left > 0; left--) {
      const number = this.#sent++
      const userId = `user-${(number * 7) % 20}`
      const things = {
        [`thing-${number % 13}`]: (number % 5) + 1,
        [`thing-${13 + (number % 4)}`]: 1,
      }
      this.#expect(userId, things)
      const event = { messageId: `m${number}`, type: 'track', event: 'Put In', userId }
      const value = JSON.stringify({ ...event, timestamp: START + number, properties: { things } })
      const partition = partitionFor(Buffer.from(userId), PARTITIONS.baskets)
      appends[partition]?.records.push({ key: userId, value })
    }
    await this.#producer.send(appends.filter(({ records }) => records.length > 0))
  }

  /** Sends so many at a time, so many times, with pauses. */
  async trickle(times: number, count: number): Promise<void> {
    for (let piece = 0; piece < times; piece++) {
      await this.send(count)
      await systemClock.sleep(50)
    }
  }

  /** Records that have come to the second job's input. */
  async brought(): Promise<number> {
    const ends = await this.#log.topics.ranges(`${this.#names.things}-events`)
    return ends.reduce((sum, { end }) => sum + end, 0)
  }

  async hasBrought(count: number): Promise<void> {
    const deadline = systemClock.elapsed() + WAIT_MS_MAX
    while ((await this.brought()) < count) {
      for (const process of this.#running.values()) process.assertRunning()
      if (systemClock.elapsed() > deadline)
        throw new Error(`not brought in time: ${count}\n${this.#output()}`)
      await systemClock.sleep(10)
    }
  }

  /** Resolves when all that was sent has gone through both jobs. */
  async settled(): Promise<void> {
    const { baskets, things } = this.#names
    await this.#reached(`${baskets}.commits`, `${baskets}-events`)
    await this.#reached(forwardsGroup(baskets), rekeyedTopic(baskets))
    await this.#reached(`${things}.commits`, `${things}-events`)
  }

  /** How many records came to the second job more than once, which it has to know. */
  async broughtAgain(): Promise<number> {
    const seen = new Set<string>()
    let again = 0
    for await (const record of topicRecords(this.#log, `${this.#names.things}-events`)) {
      const [[, from] = []] = record.headers()
      if (seen.has(String(from))) again++
      seen.add(String(from))
    }
    return again
  }

  /** The newest row of each key; rejects where a key's versions do not grow. */
  async rows(which: 'baskets' | 'things'): Promise<Kept> {
    const rows: Kept = {}
    const versions = new Map<string, readonly [number, number]>()
    for await (const { key, value } of topicRecords(this.#log, `${this.#names[which]}.features`)) {
      const row = JSON.parse(String(value)) as {
        version: [number, number]
        features: Record<string, number>
      }
      const [offset, revision] = versions.get(String(key)) ?? [-1, 0]
      if (row.version[0] < offset || (row.version[0] === offset && row.version[1] <= revision))
        throw new Error(`${key} has version ${row.version} after ${offset},${revision}`)
      versions.set(String(key), row.version)
      rows[String(key)] = row.features
    }
    return rows
  }

  async close(): Promise<void> {
    await Promise.all([...this.#running.values()].map(process => process.kill()))
    await this.#producer.close()
    await this.#log.close()
    for (const name of Object.values(this.#names))
      await forgetJob(this.#brokers, name, `${name}-events`)
    await rm(this.#folder, { recursive: true, force: true })
  }

  #expect(userId: string, things: Readonly<Record<string, number>>): void {
    const { baskets, things: kept } = this.expected
    for (const [thing, amount] of Object.entries(things)) {
      const { things: before = 0 } = baskets[userId] ?? {}
      baskets[userId] = { things: before + amount }
      const { events = 0, amount: amountBefore = 0 } = kept[thing] ?? {}
      kept[thing] = { events: events + 1, amount: amountBefore + amount }
    }
  }

  #output(): string {
    return [...this.#running.values()].map(({ output }) => output).join('\n')
  }

  /** Until the group's offsets are the topic's ends. */
  async #reached(group: string, topic: string): Promise<void> {
    const deadline = systemClock.elapsed() + WAIT_MS_MAX
    for (;;) {
      const ends = await this.#log.topics.ranges(topic)
      const all = ends.map((_, partition) => partition)
      const done = await this.#log.committed(group, topic, all)
      if (ends.every(({ end }, at) => (done[at]?.next ?? 0) >= end)) return
      for (const process of this.#running.values()) process.assertRunning()
      if (systemClock.elapsed() > deadline) {
        const told = this.#output()
        const at = done.map(each => each?.next)
        throw new Error(`${group} stands at ${at} of ${ends.map(({ end }) => end)}\n${told}`)
      }
      await systemClock.sleep(50)
    }
  }
}

const jobSource = (call: string): string =>
  `import { basketJob, thingJob } from '${jobsUrl}'\nexport default ${call}\n`
