import { fileURLToPath } from 'node:url'
import { MessageChannel } from 'node:worker_threads'
import { Piscina } from 'piscina'
import type { Span } from './event-traces.ts'
import { handBytes, handField } from './hand.ts'
import { threadFlags } from './job-module.ts'
import type { FromLane, SpansMessage, ToLane } from './messages.ts'
import type { WorkerSetup } from './worker.ts'

/** A lane as the main thread sees it, wherever it runs. */
export interface LaneHandle {
  post(message: ToLane): void
  /** What it has in hand; `undefined`: nothing. */
  inHand(): { partition: number; offset: number } | undefined
  /** Changes while its thread is alive. */
  beats(): number
  /** Ends it at once, without asking. */
  kill(): Promise<void>
}

export interface LaneEvents {
  onMessage(message: FromLane): void
  onSpans?(spans: readonly Span[]): void
  /** The lane is gone; `undefined`: it was told to stop. */
  onEnded(error: Error | undefined): void
}

const ending = import.meta.url.endsWith('.ts') ? 'ts' : 'js'
const workerFile = fileURLToPath(new URL(`./worker.${ending}`, import.meta.url))

/** Threads that load a lane's code while this one still finds out what they are to do. */
export class LaneThreads {
  readonly #heapMbMax: number
  readonly #waiting: Piscina[]

  constructor(count: number, heapMbMax: number) {
    this.#heapMbMax = heapMbMax
    this.#waiting = Array.from({ length: count }, () => this.#start())
  }

  /** A thread that is waiting, or else a new one; it is whoever's asked. */
  take(): Piscina {
    return this.#waiting.shift() ?? this.#start()
  }

  /** Ends those that nobody took. */
  async close(): Promise<void> {
    await Promise.all(this.#waiting.splice(0).map(pool => pool.destroy()))
  }

  /** A pool of one thread, as piscina's balancer knows no affinity. */
  #start(): Piscina {
    const pool = new Piscina({
      filename: workerFile,
      minThreads: 1,
      maxThreads: 1,
      atomics: 'disabled', // else an idle worker's event loop stands still
      execArgv: [...threadFlags],
      resourceLimits: { maxOldGenerationSizeMb: this.#heapMbMax },
    })
    pool.on('error', () => undefined) // the running task is rejected with it too
    pool.run(undefined).catch(() => undefined) // loads the code; what fails here fails again when it gets its setup
    return pool
  }
}

/** A lane on a thread of its own. */
export function openLaneThread(
  pool: Piscina,
  setup: Omit<WorkerSetup, 'port' | 'hand'>,
  events: LaneEvents,
): LaneHandle {
  const { port1: port, port2 } = new MessageChannel()
  const shared = new SharedArrayBuffer(handBytes)
  const hand = new Float64Array(shared)
  hand[handField.offset] = -1
  port.on('message', (message: FromLane | SpansMessage) => {
    if (message.kind === 'spans') events.onSpans?.(message.spans)
    else events.onMessage(message)
  })

  let killed = false
  const end = async (error: Error | undefined) => {
    port.close()
    await pool.destroy()
    events.onEnded(error)
  }
  pool
    .run({ ...setup, port: port2, hand: shared } satisfies WorkerSetup, { transferList: [port2] })
    .then(
      () => end(undefined),
      error => end(killed ? new Error('ended by the watchdog') : (error as Error)),
    )

  return {
    post(message) {
      const transfer = message.kind === 'batch' ? [message.batch.records.buffer as ArrayBuffer] : []
      port.postMessage(message, transfer)
    },
    inHand() {
      const [partition, offset] = [hand[handField.partition] ?? -1, hand[handField.offset] ?? -1]
      return offset === -1 ? undefined : { partition, offset }
    },
    beats: () => hand[handField.beats] ?? 0,
    async kill() {
      killed = true
      await pool.destroy()
    },
  }
}
