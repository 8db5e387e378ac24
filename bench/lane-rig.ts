import { mkdtempSync, readFileSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { Piscina } from 'piscina'
import type { Job } from '../jobs/job.ts'
import { decodeEntity } from '../runtime/entity.ts'
import { threadFlags } from '../runtime/job-module.ts'
import { type LaneHandle, openLaneThread } from '../runtime/lane-thread.ts'
import { nextOffset } from '../runtime/log.ts'
import type { FromLane } from '../runtime/messages.ts'
import type { CacheBounds } from '../runtime/state-cache.ts'
import { openLevelStore } from '../state/level-store.ts'
import type { UserFeatures } from './naive.ts'
import peerJob from './peer-job.ts'

/** Record batches of one partition, and how many records are in them. */
export interface Packed {
  readonly partition: number
  readonly bytes: Buffer
  readonly records: number
}

/** As a partition on its way through a lane has, at most (`runtime/feed.ts`). */
const queueBytesMax = 2 * 1024 * 1024
const filename = fileURLToPath(new URL('./lane-worker.ts', import.meta.url))
const jobUrl = new URL('./peer-job.ts', import.meta.url).href

/**
 * Production's lanes on threads of their own, fed and bounded as production feeds them, with no broker: batches are
 * there, and what a commit sends is sealed and let go.
 */
export class LaneRig {
  readonly #folder = mkdtempSync(join(tmpdir(), 'millrace-bench-lanes-'))
  readonly #lanes: LaneHandle[] = []
  readonly #ended: Promise<void>[] = []
  readonly #queued = new Map<number, number>()
  readonly #next = new Map<number, number>()
  readonly #partitions: number
  #moved: () => void = () => undefined
  #failure: Error | undefined
  #live = 0

  private constructor(partitions: number) {
    this.#partitions = partitions
  }

  static async open(lanes: number, partitions: number, bounds: CacheBounds): Promise<LaneRig> {
    const rig = new LaneRig(partitions)
    for (let index = 0; index < lanes; index++) rig.#open(index, bounds)
    const take = { incarnation: 1, order: { partitions, generation: undefined } }
    for (let partition = 0; partition < partitions; partition++) {
      const order = { ...take.order, sameOwner: false, poison: undefined }
      rig.#post(partition, { kind: 'take', partition, incarnation: 1, order })
    }
    await rig.#until(() => rig.#live === partitions)
    return rig
  }

  /** Gives the batches to their lanes, and resolves when all are taken. */
  async feed(batches: Iterable<Packed>): Promise<void> {
    for (const { partition, bytes, records } of batches) {
      await this.#until(() => (this.#queued.get(partition) ?? 0) < queueBytesMax)
      const fetched = this.#next.get(partition) ?? 0
      const next = fetched + records
      this.#next.set(partition, next)
      this.#queued.set(partition, (this.#queued.get(partition) ?? 0) + bytes.length)
      const copy = new Uint8Array(bytes) // one, as production makes
      const batch = {
        ...{ kind: 'batch' as const, partition, records: copy, start: nextOffset(0) },
        ...{ fetched: nextOffset(fetched), next: nextOffset(next), end: nextOffset(next) },
      }
      this.#post(partition, { kind: 'batch', incarnation: 1, batch })
    }
    await this.#until(() => [...this.#queued.values()].every(bytes => bytes === 0))
  }

  /** Has everything committed and written, and answers the CPU seconds of each lane's thread. */
  async stop(): Promise<number[]> {
    for (const lane of this.#lanes) lane.post({ kind: 'stop' })
    await Promise.all(this.#ended)
    if (this.#failure !== undefined) throw this.#failure
    return this.#lanes.map((_, index) => Number(readFileSync(join(this.#laneFolder(index), 'cpu'))))
  }

  /** After `stop`: of every user, what the stores have. */
  async *features(): AsyncGenerator<UserFeatures> {
    const job = peerJob as Job<unknown>
    for (let partition = 0; partition < this.#partitions; partition++) {
      const lane = this.#laneFolder(partition % this.#lanes.length)
      const store = await openLevelStore(join(lane, `task-${partition}`))
      for await (const [user, bytes] of store.entries()) {
        const { features } = job.row(decodeEntity(job, user, bytes).state)
        yield { ...(features as Omit<UserFeatures, 'user'>), user }
      }
      await store.close()
    }
  }

  async close(): Promise<void> {
    for (const lane of this.#lanes) await lane.kill()
    await rm(this.#folder, { recursive: true, force: true })
  }

  #laneFolder(index: number): string {
    return join(this.#folder, `lane-${index}`)
  }

  #open(index: number, bounds: CacheBounds): void {
    const pool = new Piscina({
      ...{ filename, minThreads: 1, maxThreads: 1, atomics: 'disabled' as const },
      execArgv: [...threadFlags],
    })
    const folder = this.#laneFolder(index)
    const setup = {
      ...{ ...bounds, jobUrl, folder, kafka: { brokers: '', clientId: 'bench' } },
      ...{ mode: 'exactly-once' as const, era: 0, acceptLoss: false },
    }
    this.#ended.push(
      new Promise(resolve => {
        const onEnded = (error: Error | undefined) => {
          this.#fail(error)
          resolve()
        }
        const onMessage = (message: FromLane) => this.#hear(message)
        this.#lanes.push(openLaneThread(pool, setup, { onMessage, onEnded }))
      }),
    )
  }

  #hear(message: FromLane): void {
    if (message.kind === 'live') this.#live += 1
    if (message.kind === 'failed') this.#fail(new Error(message.message))
    if (message.kind === 'taken') {
      const { partition, bytes } = message
      this.#queued.set(partition, (this.#queued.get(partition) ?? 0) - bytes)
    }
    this.#moved()
  }

  #fail(error: Error | undefined): void {
    this.#failure ??= error
    this.#moved()
  }

  #post(partition: number, message: Parameters<LaneHandle['post']>[0]): void {
    this.#lanes[partition % this.#lanes.length]?.post(message)
  }

  async #until(holds: () => boolean): Promise<void> {
    while (!holds()) {
      if (this.#failure !== undefined) throw this.#failure
      await new Promise<void>(resolve => {
        this.#moved = resolve
      })
    }
    if (this.#failure !== undefined) throw this.#failure
  }
}
