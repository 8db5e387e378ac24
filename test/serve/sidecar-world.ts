import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Sidecar, type SidecarOptions, startSidecar } from '../../serve/sidecar.ts'
import { Random } from '../simulator/random.ts'
import { Scheduler } from '../simulator/scheduler.ts'
import { type Handle, SimCluster } from '../simulator/sim-cluster.ts'

export const TOPIC = 'email.features'
/** The first virtual time. */
export const START = Date.UTC(2026, 0, 1)
export const DAY_MS = 86_400_000

/** A simulated cluster with the sidecar's topic, and what jobs write to it. */
export interface World {
  readonly cluster: SimCluster
  readonly handle: Handle
  readonly now: number
  partitions(): SimCluster['partitions'] extends (topic: string) => infer P ? P : never
  partition(key: string): ReturnType<SimCluster['partition']>
  row(key: string, version: [number, number], orders: number, more?: string): void
  erase(key: string): void
  /** Lets so much virtual time go by. */
  pass(ms: number): Promise<void>
}

export function specOf(topic: string, partitions = 2) {
  return { topic, partitions, replication: 1, config: { 'cleanup.policy': 'compact' } }
}

export function newWorld(start: number, { topic = TOPIC, partitions = 2 } = {}): World {
  const random = new Random('sidecar')
  const scheduler = new Scheduler(random.fork('scheduler'), start)
  const cluster = new SimCluster({ scheduler, random })
  cluster.create(specOf(topic, partitions))
  const partition = (key: string) => {
    const all = cluster.partitions(TOPIC)
    return cluster.partition(TOPIC, (key.codePointAt(key.length - 1) ?? 0) % all.length)
  }
  return {
    cluster,
    handle: cluster.open('serve'),
    get now() {
      return scheduler.now
    },
    partitions: () => cluster.partitions(TOPIC),
    partition,
    row(key, version, orders, more = '') {
      const value = { key, version, asOf: start, features: { orders, more }, segments: [] }
      partition(key).append([{ key, value: JSON.stringify(value) }], scheduler.now)
    },
    erase: key => void partition(key).append([{ key, value: null }], scheduler.now),
    async pass(ms) {
      const end = scheduler.now + ms
      scheduler.after(ms, () => undefined) // else the time jumps to what happens next
      await scheduler.run(() => scheduler.now >= end, 100_000)
    },
  }
}

/** A sidecar that is started and stopped again and again on one folder, in one world after another. */
export class Trial {
  readonly folder: string
  world: World = newWorld(START)
  #sidecar: Sidecar | undefined

  private constructor(folder: string) {
    this.folder = folder
  }

  static async begin(): Promise<Trial> {
    return new Trial(await mkdtemp(join(tmpdir(), 'millrace-sidecar-')))
  }

  async end(): Promise<void> {
    await this.stop()
    await rm(this.folder, { recursive: true, force: true })
  }

  get sidecar(): Sidecar {
    if (this.#sidecar === undefined) throw new Error('no sidecar was started')
    return this.#sidecar
  }

  open(more: Partial<SidecarOptions> = {}): Promise<Sidecar> {
    const { log, clock } = this.world.handle
    const common = { log, clock, topic: TOPIC, folder: this.folder, host: '127.0.0.1', port: 0 }
    return startSidecar({ ...common, ...more })
  }

  async start(more: Partial<SidecarOptions> = {}): Promise<void> {
    this.#sidecar = await this.open(more)
  }

  async stop(): Promise<void> {
    const sidecar = this.#sidecar
    this.#sidecar = undefined
    if (sidecar !== undefined) await this.close(sidecar)
  }

  /** Stops a sidecar while virtual time goes by. */
  async close(sidecar: Sidecar): Promise<void> {
    let error: unknown
    let stopped = false
    const stopping = sidecar.stop().catch((reason: unknown) => {
      error = reason
    })
    void stopping.then(() => {
      stopped = true
    })
    while (!stopped) await this.world.pass(10)
    if (error !== undefined) throw error
  }

  untilReady(): Promise<void> {
    return this.until(async () => this.sidecar.ready().ready)
  }

  /** Lets virtual time go by in small steps, and the disk and the sockets do their work between them. */
  async until(done: () => Promise<boolean>): Promise<void> {
    for (let tries = 0; tries < 2_000; tries++) {
      if (await done()) return
      await this.world.pass(50)
      await new Promise(resolve => setTimeout(resolve, 1))
    }
    throw new Error(`it did not come to pass; not ready because: ${this.sidecar.ready().reasons}`)
  }

  get(path: string): Promise<Response> {
    return fetch(`${this.sidecar.url}${path}`)
  }

  async features(user: string): Promise<Answer> {
    const response = await this.get(`/v1/users/${encodeURIComponent(user)}/features`)
    const { status, headers } = response
    return { status, headers, body: (await response.json()) as Answer['body'] }
  }
}

export interface Answer {
  readonly status: number
  readonly headers: Headers
  readonly body: {
    readonly features: { readonly orders: number }
    readonly source: string
    readonly ageMs: number
  }
}
