import type { Clock } from '../runtime/clock.ts'
import type { Deadlines } from '../runtime/deadlines.ts'
import type { Producer } from '../runtime/log.ts'
import type { Telemetry } from '../runtime/telemetry.ts'
import type { SinkBatch } from './sink-batch.ts'
import type { SpoolLogger } from './spool-recovery.ts'

/** A send that is under way, or not any more. */
export interface Send {
  /** Whether the brokers have acknowledged it; it never rejects. */
  readonly acknowledged: Promise<boolean>
  /** The same, or `late` where that is not known in time; the send goes on. */
  readonly outcome: Promise<boolean | 'late'>
  /** Why they have not; for people. */
  readonly fault: () => unknown
}

interface SendOptions {
  readonly producer: Producer
  /** Brokers that take longer than this are treated as if they were away. */
  readonly acknowledgeMsMax: number
  readonly deadlines: Deadlines
  readonly clock: Clock
  readonly telemetry: Telemetry
}

export function send(batch: SinkBatch, options: SendOptions): Send {
  const { producer, clock, telemetry, deadlines, acknowledgeMsMax } = options
  const startedAt = clock.elapsed()
  let fault: unknown
  const acknowledged = producer.send(batch.appends()).then(
    () => {
      telemetry.record('millrace_collect_produce_duration_ms', clock.elapsed() - startedAt)
      return true
    },
    error => {
      fault = error
      return false
    },
  )
  const outcome = deadlines.within(acknowledged, acknowledgeMsMax)
  return { acknowledged, outcome, fault: () => fault }
}

/** Says why events go to the spool from now on: the send's fault, or that no answer came. */
export function sayAway(
  outcome: false | 'late',
  sent: Send,
  { logger, acknowledgeMsMax }: { logger: SpoolLogger; acknowledgeMsMax: number },
): void {
  const reason = outcome === 'late' ? `no answer for ${acknowledgeMsMax} ms` : sent.fault()
  logger.warn({ reason: textOf(reason) }, 'the brokers do not take events: they go to the spool')
}

/** What `work` answers, or `stopped` as soon as the signal is aborted: the work goes on. */
export async function unless<Answer>(
  signal: AbortSignal,
  work: Promise<Answer>,
): Promise<Answer | 'stopped'> {
  let onAbort: () => void = () => undefined
  const stopped = new Promise<'stopped'>(resolve => {
    onAbort = () => resolve('stopped')
  })
  if (signal.aborted) onAbort()
  signal.addEventListener('abort', onAbort, { once: true })
  try {
    return await Promise.race([work, stopped])
  } finally {
    signal.removeEventListener('abort', onAbort)
  }
}

export function textOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
