import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { systemClock } from '../../runtime/clock.ts'
import { inputSpec } from '../../runtime/job-topics.ts'
import { openKafkaLog } from '../../runtime/kafka-log.ts'
import type { Log, Producer } from '../../runtime/log.ts'
import { type JobProcess, type JobProcessOptions, startJobProcess } from '../../runtime/process.ts'
import { forgetJob } from '../broker-under-test.ts'

const clock = systemClock
const WAIT_MS_MAX = 60_000

/** What a job is made from, once its name is known: the source of its module. */
export interface JobSpec {
  readonly brokers: string
  /** The beginning of the job's name, which no other run has. */
  readonly name: string
  readonly partitions: number
  readonly source: (name: string, path: string) => string
}

/** One job of its own, with its topics and folders, on a broker that tests share. */
export class JobOnBroker {
  readonly folder: string
  readonly name: string
  readonly jobPath: string
  readonly partitions: number
  readonly brokers: string
  readonly log: Log
  readonly logged: string[] = []
  readonly fatal: Error[] = []
  protected readonly producer: Producer
  readonly #running = new Set<JobProcess>()

  protected constructor({ brokers, partitions }: JobSpec, name: string, folder: string) {
    this.brokers = brokers
    this.folder = folder
    this.name = name
    this.jobPath = join(folder, 'job.ts')
    this.partitions = partitions
    this.log = openKafkaLog({ brokers, clientId: `world-${name}`, clock })
    this.producer = this.log.producer()
  }

  /** A folder, and a name after it. */
  protected static async place({ name }: JobSpec): Promise<{ folder: string; name: string }> {
    const folder = await mkdtemp(join(tmpdir(), `millrace-${name}-`))
    return { folder, name: `${name}-${folder.slice(-6)}` }
  }

  protected async prepare({ source }: JobSpec): Promise<void> {
    await writeFile(this.jobPath, source(this.name, this.jobPath))
    await this.makeInput()
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
    await this.stopAll()
    await this.producer.close()
    await this.log.close()
    await forgetJob(this.brokers, this.name, this.input)
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
      lanes: 1, // a thread loads for half a second of processor time
      mode: 'exactly-once',
      era: 0,
      acceptLoss: false,
      createInput: undefined,
      replication: 1,
      cacheKeysMax: 1_000,
      cacheBytesMax: 4 * 1024 * 1024,
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

  async stop(process: JobProcess): Promise<void> {
    this.#running.delete(process)
    await process.stop()
  }

  async stopAll(): Promise<void> {
    await Promise.all([...this.#running].map(process => this.stop(process)))
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
}

/** Partitions whose tasks are at work there, in order. */
export const liveOf = (job: JobProcess): number[] =>
  job
    .figures()
    .slots.filter(({ phase }) => phase === 'live')
    .map(({ partition }) => partition)
    .sort((a, b) => a - b)
