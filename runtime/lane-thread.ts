import { fileURLToPath } from 'node:url'
import { MessageChannel } from 'node:worker_threads'
import { Piscina } from 'piscina'
import type { Span } from './event-traces.ts'
import type { FromLane, SpansMessage, ToLane } from './messages.ts'
import { handBytes, handField, type WorkerSetup } from './worker.ts'

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

const source = import.meta.url.endsWith('.ts')
const workerFile = fileURLToPath(new URL(source ? './worker.ts' : './worker.js', import.meta.url))
const typescript = new URL('../bin/typescript.js', import.meta.url).href
const typescriptBuilt = new URL('../../bin/typescript.js', import.meta.url).href

/** A worker thread of its own for one lane: a pool of one, as piscina's balancer knows no affinity. */
export function openLaneThread(
  setup: Omit<WorkerSetup, 'port' | 'hand'>,
  heapMbMax: number,
  events: LaneEvents,
): LaneHandle {
  const pool = new Piscina({
    filename: workerFile,
    minThreads: 1,
    maxThreads: 1,
    atomics: 'disabled', // else an idle worker's event loop stands still
    execArgv: ['--import', source ? typescript : typescriptBuilt],
    resourceLimits: { maxOldGenerationSizeMb: heapMbMax },
  })
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
  pool.on('error', () => undefined) // the running task is rejected with it too

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
