import { mkdtemp, rm } from 'node:fs/promises'
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
import { MillraceProcess } from '../harness-process.ts'
import type { ShopStep } from '../jobs/naive-recommendations.ts'

const WAIT_MS_MAX = 120_000
const PARTITIONS = 2

export type Which = 'pairs' | 'products'

/** The two jobs as they are shipped, each in a process of its own, on a broker that nobody else uses. */
export class RecommendationsWorld {
  readonly #brokers: string
  readonly #folder: string
  readonly #log: Log
  readonly #producer: Producer
  readonly #running = new Map<Which, MillraceProcess>()

  private constructor(brokers: string, folder: string) {
    this.#brokers = brokers
    this.#folder = folder
    this.#log = openKafkaLog({ brokers, clientId: 'recommendations', clock: systemClock })
    this.#producer = this.#log.producer()
  }

  static async open(brokers: string): Promise<RecommendationsWorld> {
    const world = new RecommendationsWorld(brokers, await mkdtemp(join(tmpdir(), 'millrace-shop-')))
    const topics = ['events', 'product-pairs'].map(topic => inputSpec(topic, PARTITIONS, 1))
    await world.#log.topics.create(topics)
    return world
  }

  start(which: Which): void {
    const flags = ['--brokers', this.#brokers, '--data', this.#folder, '--port', '0']
    this.#running.set(which, new MillraceProcess(['run', which, ...flags, '--lanes', '1']))
  }

  async killAndStart(which: Which): Promise<void> {
    await this.#running.get(which)?.kill()
    this.start(which)
  }

  async send(events: readonly (Omit<ShopStep, 'products'> & { readonly properties: object })[]) {
    const appends = Array.from({ length: PARTITIONS }, (_, partition) => {
      return { topic: 'events', partition, records: [] as OutgoingRecord[] }
    })
    for (const event of events) {
      const partition = partitionFor(Buffer.from(event.userId), PARTITIONS)
      const value = JSON.stringify({ type: 'track', ...event })
      appends[partition]?.records.push({ key: event.userId, value })
    }
    await this.#producer.send(appends.filter(({ records }) => records.length > 0))
  }

  /** Resolves when something new has been counted by the job since its input's offsets summed up to `before`. Answers the sum. */
  async moved(which: Which, before: number): Promise<number> {
    const deadline = systemClock.elapsed() + WAIT_MS_MAX
    for (;;) {
      const sum = (await this.#done(`${which}.commits`, inputs[which])).reduce((a, b) => a + b, 0)
      if (sum > before) return sum
      await this.#wait(deadline, `${which} stands at ${sum}`)
    }
  }

  /** Resolves when all that was sent has gone through both jobs. */
  async settled(): Promise<void> {
    await this.#reached('pairs.commits', 'events')
    await this.#reached(forwardsGroup('pairs'), rekeyedTopic('pairs'))
    await this.#reached('products.commits', 'product-pairs')
  }

  /** The newest features of each key. */
  async rows(which: Which): Promise<Map<string, Record<string, unknown>>> {
    const rows = new Map<string, Record<string, unknown>>()
    for await (const { key, value } of topicRecords(this.#log, `${which}.features`))
      rows.set(String(key), JSON.parse(String(value)).features)
    return rows
  }

  async close(): Promise<void> {
    await Promise.all([...this.#running.values()].map(process => process.kill()))
    await this.#producer.close()
    await this.#log.close()
    await rm(this.#folder, { recursive: true, force: true })
  }

  async #reached(group: string, topic: string): Promise<void> {
    const deadline = systemClock.elapsed() + WAIT_MS_MAX
    for (;;) {
      const ends = await this.#log.topics.ranges(topic)
      const done = await this.#done(group, topic)
      if (ends.every(({ end }, at) => (done[at] ?? 0) >= end)) return
      await this.#wait(deadline, `${group} stands at ${done} of ${ends.map(({ end }) => end)}`)
    }
  }

  async #done(group: string, topic: string): Promise<number[]> {
    const all = Array.from({ length: PARTITIONS }, (_, partition) => partition)
    return (await this.#log.committed(group, topic, all)).map(offset => offset?.next ?? 0)
  }

  async #wait(deadline: number, what: string): Promise<void> {
    for (const process of this.#running.values()) process.assertRunning()
    if (systemClock.elapsed() > deadline) {
      const told = [...this.#running.values()].map(({ output }) => output).join('\n')
      throw new Error(`not within ${WAIT_MS_MAX} ms: ${what}\n${told}`)
    }
    await systemClock.sleep(30)
  }
}

const inputs = { pairs: 'events', products: 'product-pairs' } as const
