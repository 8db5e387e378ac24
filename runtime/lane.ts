import type { Job } from '../jobs/job.ts'
import { CodecError } from '../state/codec.ts'
import type { Store } from '../state/store.ts'
import type { Clock } from './clock.ts'
import { EventTraces, type TraceOptions } from './event-traces.ts'
import { type Log, LogError } from './log.ts'
import type {
  FailureCode,
  FromLane,
  LaneSamples,
  LaneTaskFigures,
  TakeOrder,
  ToLane,
} from './messages.ts'
import type { Schemas } from './schemas.ts'
import { type CacheBounds, StateCache } from './state-cache.ts'
import { TaskRefused } from './takeover.ts'
import { Task } from './task.ts'
import type { Mode } from './task-options.ts'
import type { Witness } from './witness.ts'

/** `CacheBounds`: over all tasks of the lane. */
export interface LaneOptions<State = unknown> extends CacheBounds {
  readonly job: Job<State>
  readonly log: Log
  readonly clock: Clock
  readonly mode: Mode
  readonly era: number
  readonly acceptLoss: boolean
  readonly openStore: (partition: number) => Promise<Store>
  readonly openWitness?: (partition: number) => Witness
  readonly newHistory: () => string
  /** Told what is in hand before it is touched; offset -1: nothing. */
  readonly inHand: (partition: number, offset: number) => void
  readonly post: (message: FromLane) => void
  readonly traces?: TraceOptions | undefined
  readonly schemas?: Schemas | undefined
}

const figuresMs = 1_000
const renewalMs = 3_600_000
const samplesMax = 500

interface Slot<State> {
  readonly task: Task<State>
  readonly incarnation: number
}

/** Several tasks of one job on one thread. It does what it is told by messages, and answers by messages. */
export class Lane<State = unknown> {
  readonly #options: LaneOptions<State>
  readonly #slots = new Map<number, Slot<State>>()
  /** What is being done to a partition: one thing after the other. */
  readonly #orders = new Map<number, Promise<void>>()
  readonly #stopTimers: (() => void)[]
  readonly #cache: StateCache
  #samples: LaneSamples = noSamples()

  constructor(options: LaneOptions<State>) {
    this.#options = options
    this.#cache = new StateCache(options, () => this.#slots.size)
    this.#stopTimers = [
      options.clock.every(figuresMs, () => this.#postFigures()),
      options.clock.every(renewalMs, () => this.#renewRefused()),
    ]
  }

  handle(message: ToLane): void {
    switch (message.kind) {
      case 'take':
        this.#order(message.partition, () =>
          this.#take(message.partition, message.incarnation, message.order),
        )
        return
      case 'give-up':
        this.#order(message.partition, () => this.#close(message.partition, message.clean))
        return
      case 'batch': {
        const slot = this.#slots.get(message.batch.partition)
        if (slot?.incarnation === message.incarnation) slot.task.offer(message.batch)
        return
      }
      case 'caught-up': {
        const slot = this.#slots.get(message.partition)
        if (slot?.incarnation === message.incarnation) slot.task.caughtUp()
        return
      }
      case 'stop':
        void this.#stop()
    }
  }

  #order(partition: number, act: () => Promise<void>): void {
    this.#slots.get(partition)?.task.abortTakeover() // whatever was ordered next makes it pointless
    const before = this.#orders.get(partition) ?? Promise.resolve()
    this.#orders.set(partition, before.then(act))
  }

  async #take(partition: number, incarnation: number, order: TakeOrder): Promise<void> {
    await this.#close(partition, false)
    const { post, openStore, openWitness, inHand, traces, job, clock } = this.#options
    const place = { job: job.name, input: job.input, partition }
    const task = new Task({
      ...this.#options,
      ...order,
      partition,
      traces: traces && new EventTraces(traces, place, clock),
      openStore: () => openStore(partition),
      openWitness: openWitness && (() => openWitness(partition)),
      cache: this.#cache,
      inHand: offset => inHand(partition, offset),
      events: {
        onTaken: bytes => post({ kind: 'taken', partition, incarnation, bytes }),
        onRestore: (done, total) => post({ kind: 'restore', partition, done, total }),
        onCommit: commit => this.#sample(commit),
        onCheckpoint: ms => pushBounded(this.#samples.checkpointMs, [ms]),
        onFailed: error =>
          this.#order(partition, () => this.#failed(partition, incarnation, error)),
      },
    })
    this.#slots.set(partition, { task, incarnation })
    try {
      const next = await task.takeOver()
      if (task.phase === 'live')
        post({
          kind: 'live',
          partition,
          incarnation,
          next,
          generation: task.figures?.generation ?? 1,
          changes: task.changes,
        })
    } catch (error) {
      await this.#failed(partition, incarnation, error)
    }
  }

  async #failed(partition: number, incarnation: number, error: unknown): Promise<void> {
    if (this.#slots.get(partition)?.incarnation !== incarnation) return
    const code = failureCode(error)
    if (code !== 'refused') await this.#close(partition, false) // a refused one stays, to renew its offset
    this.#options.post({
      kind: 'failed',
      partition,
      incarnation,
      code,
      message: error instanceof Error ? error.message : String(error),
    })
  }

  async #close(partition: number, clean: boolean): Promise<void> {
    const slot = this.#slots.get(partition)
    await slot?.task.close({ clean })
    this.#slots.delete(partition)
  }

  async #stop(): Promise<void> {
    for (const stop of this.#stopTimers) stop()
    for (const partition of this.#slots.keys())
      this.#order(partition, () => this.#close(partition, true))
    await Promise.all(this.#orders.values())
    this.#options.schemas?.close()
    await this.#options.log.close()
    this.#options.post({ kind: 'stopped' })
  }

  async #renewRefused(): Promise<void> {
    for (const { task } of this.#slots.values()) {
      if (task.phase === 'refused') await task.renew().catch(() => undefined) // an hour later it is tried again
    }
  }

  #sample({
    ms,
    rows,
    latenciesMs,
  }: {
    ms: number
    rows: number
    latenciesMs: readonly number[]
  }): void {
    pushBounded(this.#samples.commitMs, [ms])
    pushBounded(this.#samples.latencyMs, latenciesMs)
    this.#samples.rows += rows
  }

  async #postFigures(): Promise<void> {
    const tasks: LaneTaskFigures[] = []
    for (const [partition, { task }] of this.#slots) {
      const storeBytes = await task.storeBytes()
      if (task.figures) tasks.push({ ...task.figures, partition, storeBytes })
    }
    const samples = this.#samples
    this.#samples = noSamples()
    this.#options.post({ kind: 'figures', tasks, samples })
  }
}

function failureCode(error: unknown): FailureCode {
  if (error instanceof LogError || error instanceof TaskRefused) return error.code
  return error instanceof CodecError ? 'refused' : 'other' // it will not read itself by trying again
}

const noSamples = (): LaneSamples => ({ commitMs: [], checkpointMs: [], latencyMs: [], rows: 0 })

function pushBounded(samples: number[], values: readonly number[]): void {
  for (const value of values) if (samples.length < samplesMax) samples.push(value)
}
