import { errorCodes } from '../protocol/error-codes.ts'
import type { Clock } from './clock.ts'
import { kafkaFault } from './kafka-cluster.ts'
import { LogError } from './log.ts'

/** A topic that was just made is unknown to a broker for a moment; what stays unknown so long does not exist. */
export const unknownMsMax = 5_000
const retryMs = 100

export const isUnknown = (error: unknown): boolean =>
  kafkaFault(error).code === errorCodes.UNKNOWN_TOPIC_OR_PARTITION

export const unknownTopic = (what: string, cause?: unknown): LogError =>
  new LogError(
    'unknown-topic',
    `${what} does not exist, as the brokers have said for ${unknownMsMax / 1000} s: was it deleted, or is its name wrong?`,
    cause,
  )

/**
 * Asks again while the brokers do not know `what` (`look` answers false, or rejects so): then it rejects with
 * a `LogError` of code `unknown-topic`. Every other error passes through.
 */
export async function untilKnown(
  what: string,
  { clock, signal }: { readonly clock: Clock; readonly signal: AbortSignal },
  look: () => Promise<boolean>,
): Promise<void> {
  const until = clock.elapsed() + unknownMsMax
  for (;;) {
    let cause: unknown
    try {
      if (await look()) return
    } catch (error) {
      if (!isUnknown(error)) throw error
      cause = error
    }
    if (clock.elapsed() > until || signal.aborted) throw unknownTopic(what, cause)
    await clock.sleep(retryMs, signal)
  }
}
