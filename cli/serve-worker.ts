import cluster from 'node:cluster'
import type { Clock } from '../runtime/clock.ts'
import { type FromPrimary, type FromWorker, PORT, SLOT } from './worker-messages.ts'

/** This process as one of several workers, to its primary. */
export interface Worker {
  /** From 1; names its folder. */
  readonly slot: number
  /** That all workers listen on. */
  readonly port: number
  /** Aborts when the primary wants it to drain. */
  readonly signal: AbortSignal
  /** Says where it listens, and when it is ready. */
  serving(url: string, isReady: () => boolean): void
  /** The metrics of all workers; its own where the primary does not answer. */
  metrics(own: () => Promise<string>): () => Promise<string>
  close(): void
}

const LOOK_MS = 50
const METRICS_MS_MAX = 1_500

/** `undefined`: this process is no worker. */
export function asWorker(clock: Clock): Worker | undefined {
  if (!cluster.isWorker) return undefined
  const draining = new AbortController()
  const closers: (() => void)[] = [() => void process.off('message', onMessage)]
  const waiting = new Map<number, (text: string) => void>()
  let tellOwn: (() => Promise<string>) | undefined
  let asks = 0
  const say = (message: FromWorker) => void (process.connected && process.send?.(message))

  function onMessage(message: FromPrimary): void {
    if (message.kind === 'drain') draining.abort()
    else if (message.kind === 'all-figures') waiting.get(message.ask)?.(message.text)
    else if (message.kind === 'tell-figures') {
      const { ask } = message
      void tellOwn?.().then(text => say({ kind: 'figures', ask, text }))
    }
  }
  process.on('message', onMessage)

  return {
    slot: Number(process.env[SLOT]),
    port: Number(process.env[PORT]),
    signal: draining.signal,
    serving(url, isReady) {
      say({ kind: 'listening', url })
      const stop = clock.every(LOOK_MS, () => {
        if (!isReady()) return
        stop()
        say({ kind: 'ready' })
      })
      closers.push(stop)
    },
    metrics(own) {
      tellOwn = own
      return async () => {
        const ask = ++asks
        const ended = new AbortController()
        const all = new Promise<string>(resolve => waiting.set(ask, resolve))
        say({ kind: 'ask-figures', ask })
        const late = clock
          .sleep(METRICS_MS_MAX, ended.signal)
          .then(() => (ended.signal.aborted ? '' : own()))
        try {
          return await Promise.race([all, late])
        } finally {
          ended.abort()
          waiting.delete(ask)
        }
      }
    },
    close() {
      for (const close of closers) close()
    },
  }
}
