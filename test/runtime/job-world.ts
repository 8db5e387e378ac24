import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { topicRecords } from '../../cli/topic-records.ts'
import { partitionFor } from '../../protocol/murmur2.ts'
import type { OutgoingRecord } from '../../protocol/record-batch.ts'
import { systemClock } from '../../runtime/clock.ts'
import { inputSpec } from '../../runtime/job-topics.ts'
import { openKafkaLog } from '../../runtime/kafka-log.ts'
import type { Log, Producer } from '../../runtime/log.ts'
import { type JobProcess, type JobProcessOptions, startJobProcess } from '../../runtime/process.ts'
import { assert } from '../harness.ts'
import { type Bought, jobSource, type Totals } from './deadly-job.ts'

const clock = systemClock
const WAIT_MS_MAX = 60_000

export interface DeadRecord {
  readonly key: string | null
  readonly value: Buffer | null
  readonly headers: Readonly<Record<string, string>>
}

/** One job of its own, with its topics and folders, on a broker that tests share. */
export class JobWorld {
  readonly folder: string
  readonly name: string
  readonly jobPath: string
  readonly partitions: number
  readonly brokers: string
  readonly log: Log
  readonly logged: string[] = []
  readonly fatal: Error[] = []
  readonly #producer: Producer
  readonly #running = new Set<JobProcess>()
  readonly #sent = new Map<string, { events: number; total: number }>()
  #ids = 0

  private constructor(brokers: string, folder: string, name: string, partitions: number) {
    this.brokers = brokers
    this.folder = folder
    this.name = name
    this.jobPath = join(folder, 'job.ts')
    this.partitions = partitions
    this.log = openKafkaLog({ brokers, clientId: `world-${name}`, clock })
    this.#producer = this.log.producer()
  }

  /** `features`: further lines of the job's features. */
  static async open(
    brokers: string,
    name: string,
    { partitions = 2, features = '' }: { partitions?: number; features?: string } = {},
  ): Promise<JobWorld> {
    const folder = await mkdtemp(join(tmpdir(), `millrace-${name}-`))
    const unique = `${name}-${folder.slice(-6)}`
    const world = new JobWorld(brokers, folder, unique, partitions)
    await writeFile(world.jobPath, jobSource(unique, world.jobPath, features))
    await world.makeInput()
    return world
  }

  async makeInput(): Promise<void> {
    const { topic, partitions, replication, config } = inputSpec(this.input, this.partitions, 1)
    const large = { ...config, 'max.message.bytes': String(4 * 1024 * 1024) }
    const log = openKafkaLog({ brokers: this.brokers, clientId: `input-${this.name}`, clock })
    await log.topics.create([{ topic, partitions, replication, config: large }])
    await log.close()
  }

  get input(): string {
    return `${this.name}-events`
  }

  async close(): Promise<void> {
    await Promise.all([...this.#running].map(process => this.stop(process)))
    await this.#producer.close()
    await this.log.close()
    await rm(this.folder, { recursive: true, force: true })
  }

  /** The job's process, run inside this one; its lanes are real threads. */
  async start(options: Partial<JobProcessOptions> = {}): Promise<JobProcess> {
    const told = (level: string) => (fields: unknown, text?: string) => {
      this.logged.push(`${level} ${text ?? fields}`)
    }
    const folder = join(this.folder, 'data')
    await mkdir(options.folder ?? folder, { recursive: true })
    const process = await startJobProcess({
      jobUrl: pathToFileURL(this.jobPath).href,
      kafka: { brokers: this.brokers, clientId: this.name },
      folder,
      lanes: 2,
      mode: 'exactly-once',
      era: 0,
      acceptLoss: false,
      createInput: undefined,
      replication: 1,
      cacheKeysMax: 10_000,
      heapMbMax: 256,
      sessionMs: 6_000,
      hangMsMax: 20_000,
      logger: { info: told('info'), warn: told('warn'), error: told('error') },
      signal: new AbortController().signal,
      onFatal: error => this.fatal.push(error),
      ...options,
    })
    this.#running.add(process)
    return process
  }

  /** From now on the job takes what it threw at. */
  async fixJob(): Promise<void> {
    await writeFile(`${this.jobPath}.fixed`, '')
  }

  async stop(process: JobProcess): Promise<void> {
    this.#running.delete(process)
    await process.stop()
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
    await this.#producer.send(
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
        timestamp: at ?? clock.now(),
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

  /** Resolves when all that was sent is committed. */
  async settled(msMax = WAIT_MS_MAX): Promise<void> {
    await this.until(async () => (await this.lag()) === 0, 'all that was sent is committed', msMax)
  }

  async lag(): Promise<number> {
    const ends = await this.log.topics.ranges(this.input)
    const committed = await this.committed()
    return ends.reduce((sum, { end }, at) => sum + end - (committed[at] ?? 0), 0)
  }

  /** Next offsets in the job's group of commits; 0 where there is none. */
  async committed(): Promise<number[]> {
    const all = Array.from({ length: this.partitions }, (_, partition) => partition)
    const offsets = await this.log.committed(`${this.name}.commits`, this.input, all)
    return offsets.map(offset => offset?.next ?? 0)
  }

  async until(holds: () => boolean | Promise<boolean>, what: string, msMax = WAIT_MS_MAX) {
    const deadline = clock.elapsed() + msMax
    while (!(await holds())) {
      const fatal = this.fatal[0]
      if (fatal) throw fatal
      if (clock.elapsed() > deadline)
        throw new Error(`not within ${msMax} ms: ${what}\n${this.logged.slice(-20).join('\n')}`)
      await clock.sleep(20)
    }
  }

  /** The newest row of each user; fails where a user's versions do not grow. */
  async totals({ versionsMayRepeat = false } = {}): Promise<Map<string, Totals>> {
    const totals = new Map<string, Totals>()
    const versions = new Map<string, [number, number]>()
    for await (const { key, value } of topicRecords(this.log, `${this.name}.features`)) {
      const row = JSON.parse(String(value)) as { version: [number, number]; features: Totals }
      const user = String(key)
      const before = versions.get(user)
      const order = before ? row.version[0] - before[0] || row.version[1] - before[1] : 1
      if (versionsMayRepeat ? order < 0 : order <= 0)
        throw new Error(`${user} has version ${row.version} after ${before}`)
      versions.set(user, row.version)
      totals.set(user, row.features)
    }
    return totals
  }

  /** Each user's newest row says what a plain sum over what was sent says. */
  async assertExact(options?: { versionsMayRepeat?: boolean }): Promise<void> {
    const sorted = (totals: Map<string, Totals>) =>
      [...totals].sort(([one], [other]) => (one < other ? -1 : 1))
    assert.equal(sorted(await this.totals(options)), sorted(this.#sent))
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
