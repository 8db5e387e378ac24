import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { systemClock } from '../runtime/clock.ts'
import type { Log, TopicSpec } from '../runtime/log.ts'
import { MeasuredProcess } from './measured-process.ts'
import { PARTITIONS, sendProducts, sendRows } from './serve-rows.ts'
import type { ServeResult, ServeTask } from './serve-task.ts'

const READY_MS_MAX = 180_000
const TICK_MS = 50
const loader = new URL('../bin/typescript.js', import.meta.url).href
const path = (file: string) => fileURLToPath(new URL(file, import.meta.url))

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
    const sidecar = new MeasuredProcess(process.execPath, [
      ...[path('../bin/millrace.js'), 'serve', '--job', this.#job, '--brokers', this.#brokers],
      ...['--products', tells, '--catalogue', catalogue, '--pairs', `${this.#job}-none`],
      ...['--port', '0', '--data', this.#folder],
    ])
    const port = await listening(sidecar)
    while (!(await isReady(port))) {
      if (systemClock.elapsed() - startedAt > READY_MS_MAX)
        throw new Error(`the sidecar is not ready after ${READY_MS_MAX} ms`)
      await systemClock.sleep(TICK_MS)
    }
    return { sidecar, port, readyMs: Math.round(systemClock.elapsed() - startedAt) }
  }

  async bare(): Promise<{ server: MeasuredProcess; port: number }> {
    const server = new MeasuredProcess(process.execPath, [
      '--import',
      loader,
      path('serve-bare.ts'),
    ])
    return { server, port: await listening(server) }
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

/** Runs a load in a process of its own. */
export async function ask(task: ServeTask): Promise<ServeResult> {
  const args = ['--import', loader, path('serve-load.ts'), JSON.stringify(task)]
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'ignore', 'inherit', 'ipc'] })
  const heard = new AbortController()
  const { signal } = heard
  try {
    return await Promise.race([
      once(child, 'message', { signal }).then(([message]) => message as ServeResult),
      once(child, 'exit', { signal }).then(([code]) => {
        throw new Error(`what asks ended with ${code}`)
      }),
    ])
  } finally {
    heard.abort()
  }
}

async function listening(server: MeasuredProcess): Promise<number> {
  for (let waited = 0; waited < READY_MS_MAX; waited += TICK_MS) {
    const found = /http:\/\/127\.0\.0\.1:(\d+)/.exec(server.output)
    if (found !== null) return Number(found[1])
    await Promise.race([systemClock.sleep(TICK_MS), server.failed()])
  }
  throw new Error('a server did not say where it listens')
}

async function isReady(port: number): Promise<boolean> {
  const answer = await fetch(`http://127.0.0.1:${port}/ready`)
  await answer.body?.cancel()
  return answer.ok
}
