import { writeFile } from 'node:fs/promises'
import { topicRecords } from '../../cli/topic-records.ts'
import { partitionFor } from '../../protocol/murmur2.ts'
import type { OutgoingRecord } from '../../protocol/record-batch.ts'
import { systemClock } from '../../runtime/clock.ts'
import { assert } from '../harness.ts'
import { type Bought, jobSource, type Totals } from './deadly-job.ts'
import { JobOnBroker } from './job-on-broker.ts'

export interface DeadRecord {
  readonly key: string | null
  readonly value: Buffer | null
  readonly headers: Readonly<Record<string, string>>
}

interface Shape {
  readonly partitions: number
  readonly features: string
  readonly triggers: string
}

/** A job that counts what users bought, and what it should come to. */
export class JobWorld extends JobOnBroker {
  readonly #sent = new Map<string, { events: number; total: number }>()
  #ids = 0

  /** `features`, `triggers`: further lines of the job's. */
  static async open(
    brokers: string,
    name: string,
    { partitions = 2, features = '', triggers = '' }: Partial<Shape> = {},
  ): Promise<JobWorld> {
    const source = (unique: string, path: string) => jobSource(unique, path, features, triggers)
    const spec = { brokers, name, partitions, source }
    const place = await JobOnBroker.place(spec)
    const world = new JobWorld(spec, place.name, place.folder)
    await world.prepare(spec)
    return world
  }

  /** From now on the job takes what it threw at. */
  async fixJob(): Promise<void> {
    await writeFile(`${this.jobPath}.fixed`, '')
  }

  /** Sends them, keyed by user, and expects each without a deed to count once. */
  async send(...events: Bought[]): Promise<void> {
    await this.sendRecords(events.map(event => ({ user: event.user, record: this.#record(event) })))
    for (const { user, value = 1, deed } of events) {
      if (deed !== undefined && deed !== 'slow') continue
      const expected = this.#sent.get(user) ?? { events: 0, total: 0 }
      this.#sent.set(user, { events: expected.events + 1, total: expected.total + value })
    }
  }

  /** Records as they are, in the partition of `user`. */
  async sendRecords(records: { user: string; record: OutgoingRecord }[]): Promise<void> {
    const byPartition = new Map<number, OutgoingRecord[]>()
    for (const { user, record } of records) {
      const partition = this.partitionOf(user)
      byPartition.set(partition, [...(byPartition.get(partition) ?? []), record])
    }
    await this.producer.send(
      Array.from(byPartition, ([partition, some]) => ({
        topic: this.input,
        partition,
        records: some,
      })),
    )
  }

  #record({ user, value, deed, id, at }: Bought): OutgoingRecord {
    return {
      key: user,
      value: JSON.stringify({
        messageId: id ?? `m${++this.#ids}`,
        type: 'track',
        event: 'Bought',
        userId: user,
        timestamp: at ?? systemClock.now(),
        properties: { value, deed },
      }),
    }
  }

  /** Some made-up events over `users` users. */
  some(count: number, users = 20): Bought[] {
    return Array.from({ length: count }, (_, index) => ({
      user: `user-${(index * 7) % users}`,
      value: (index % 9) + 1,
    }))
  }

  partitionOf(user: string): number {
    return partitionFor(Buffer.from(user), this.partitions)
  }

  /**
   * The newest row of each user; fails where a user's versions do not grow. Where they may go back, a smaller one is
   * passed over, as every reader of the rows does.
   */
  async totals({ versionsMayGoBack = false } = {}): Promise<Map<string, Totals>> {
    const totals = new Map<string, Totals>()
    const versions = new Map<string, [number, number]>()
    for await (const { key, value } of topicRecords(this.log, `${this.name}.features`)) {
      const row = JSON.parse(String(value)) as { version: [number, number]; features: Totals }
      const user = String(key)
      const before = versions.get(user)
      const order = before ? row.version[0] - before[0] || row.version[1] - before[1] : 1
      if (order <= 0 && !versionsMayGoBack)
        throw new Error(`${user} has version ${row.version} after ${before}`)
      if (order < 0) continue
      versions.set(user, row.version)
      totals.set(user, row.features)
    }
    return totals
  }

  /** Each user's newest row says what a plain sum over what was sent says. */
  async assertExact(options?: { versionsMayGoBack?: boolean }): Promise<void> {
    const sorted = (totals: Map<string, Totals>) =>
      [...totals].sort(([one], [other]) => (one < other ? -1 : 1))
    assert.equal(sorted(await this.totals(options)), sorted(this.#sent))
  }

  /** Those of that name that were sent. */
  async triggers(name: string): Promise<{ id: string; key: string }[]> {
    const found: { id: string; key: string; trigger: string }[] = []
    for await (const { value } of topicRecords(this.log, `${this.name}.triggers`))
      found.push(JSON.parse(String(value)))
    return found.filter(({ trigger }) => trigger === name)
  }

  async dead(): Promise<DeadRecord[]> {
    const dead: DeadRecord[] = []
    for await (const record of topicRecords(this.log, `${this.name}.dead`)) {
      const headers = Object.fromEntries(record.headers().map(([name, text]) => [name, `${text}`]))
      dead.push({ key: record.key, value: record.value && Buffer.from(record.value), headers })
    }
    return dead
  }
}
