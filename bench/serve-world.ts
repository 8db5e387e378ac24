import { join } from 'node:path'
import { systemClock } from '../runtime/clock.ts'
import type { Log, TopicSpec } from '../runtime/log.ts'
import { ownPath, programArgs } from './child-task.ts'
import { listening, untilReady } from './listening.ts'
import { MeasuredProcess } from './measured-process.ts'
import { PARTITIONS, sendProducts, sendRows } from './serve-rows.ts'

const READY_MS_MAX = 180_000
const SAMPLE_MS = 1_000
const TICK_MS = 50

/** Topics full of rows, a sidecar that follows them, and what asks it. */
export class ServeWorld {
  readonly #log: Log
  readonly #brokers: string
  readonly #folder: string
  readonly #job: string

  constructor(log: Log, brokers: string, folder: string, job: string) {
    this.#log = log
    this.#brokers = brokers
    this.#folder = folder
    this.#job = job
  }

  get topics(): readonly string[] {
    return [`${this.#job}.features`, `${this.#job}-products.features`, `${this.#job}-products`]
  }

  get signingFile(): string {
    return join(this.#folder, 'signing.json')
  }

  async fill(users: number, told: (rows: number) => void): Promise<void> {
    const [features = '', tells = '', catalogue = ''] = this.topics
    const config = { 'cleanup.policy': 'compact' }
    const specs = this.topics.map(
      (topic): TopicSpec => ({ topic, partitions: PARTITIONS, replication: 1, config }),
    )
    await this.#log.topics.create(specs)
    await sendProducts(this.#log, tells, catalogue)
    const producer = this.#log.producer()
    try {
      for (let from = 0; from < users; from += 100_000) {
        const count = Math.min(100_000, users - from)
        const numbers = Array.from({ length: count }, (_, at) => from + at)
        await sendRows(producer, features, numbers, 1, systemClock)
        told(from + count)
      }
    } finally {
      await producer.close()
    }
  }

  /** Starts the sidecar, and answers how long it took until it was ready, ms. */
  async serve(): Promise<{ sidecar: MeasuredProcess; port: number; readyMs: number }> {
    const [, tells = '', catalogue = ''] = this.topics
    const startedAt = systemClock.elapsed()
    const args = [
      ...[ownPath('../bin/millrace.js'), 'serve', '--job', this.#job, '--brokers', this.#brokers],
      ...['--products', tells, '--catalogue', catalogue, '--pairs', `${this.#job}-none`],
      ...['--port', '0', '--data', this.#folder],
    ]
    const sidecar = new MeasuredProcess(process.execPath, args, { sampleMs: SAMPLE_MS })
    const { port } = await untilReady(sidecar, READY_MS_MAX)
    return { sidecar, port, readyMs: Math.round(systemClock.elapsed() - startedAt) }
  }

  async bare(): Promise<{ server: MeasuredProcess; port: number }> {
    const server = new MeasuredProcess(process.execPath, programArgs('./serve-bare.ts'), {
      sampleMs: SAMPLE_MS,
    })
    return { server, port: (await listening(server)).port }
  }

  /** Lets a job write rows at this rate until the answer is called, which answers how many it wrote. */
  write(perSecond: number, users: number): () => Promise<number> {
    const [features = ''] = this.topics
    const ending = new AbortController()
    const producer = this.#log.producer()
    let written = 0
    const writing = (async () => {
      const startedAt = systemClock.elapsed()
      while (!ending.signal.aborted) {
        const due = Math.floor(((systemClock.elapsed() - startedAt) * perSecond) / 1_000) - written
        const numbers = Array.from({ length: due }, (_, at) => ((written + at) * 104_729) % users)
        if (due > 0) await sendRows(producer, features, numbers, 2 + written, systemClock)
        written += due
        await systemClock.sleep(TICK_MS, ending.signal)
      }
    })()
    return async () => {
      ending.abort()
      await writing
      await producer.close()
      return written
    }
  }
}
