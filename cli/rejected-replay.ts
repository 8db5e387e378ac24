import type { Addresses } from '../collect/address.ts'
import { EventIntake } from '../collect/event-intake.ts'
import type { FailedEvent } from '../collect/failed-event.ts'
import type { Plan } from '../collect/plan.ts'
import type { Sink, SinkRecord } from '../collect/sink.ts'
import type { Log } from '../runtime/log.ts'
import { noTelemetry } from '../runtime/telemetry.ts'
import { nowhere, readErased } from './erased-list.ts'
import { rejectedEvent, rejectedTopic } from './rejected-events.ts'
import { replayOnce } from './replay-once.ts'

export interface RejectedReplayOptions {
  readonly log: Log
  /** Of events. */
  readonly topic: string
  readonly plan?: Plan
  readonly addresses?: Addresses
  readonly eventBytesMax: number
  readonly signal: AbortSignal
}

export interface RejectedReplay {
  /** Are events now. */
  readonly taken: number
  /** Were rejected again: they lie behind the others, with the reason of now. */
  readonly rejected: number
  /** Of users who have been erased since, which are not taken. */
  readonly erased: number
  /** Were not kept whole, so nobody can take them. */
  readonly lost: number
}

/** Marks a record that comes from a rejected event; its value names the record of that. */
export const REPLAYED_HEADER = 'rejected-event'

/**
 * Gives the rejected events to the intake again, with the times, the address and the rules of when they came, and
 * sends what it makes of them, each once, whatever dies meanwhile. Two at once do no harm: see `replayOnce`.
 */
export async function replayRejected(options: RejectedReplayOptions): Promise<RejectedReplay> {
  const { log, topic, signal } = options
  const taking = new CapturingSink()
  const intake = new EventIntake({ ...options, sink: taking, telemetry: noTelemetry })
  const source = await rejectedTopic(log, topic)
  const list = await readErased(log, topic, { signal })
  const counts = { taken: 0, rejected: 0, erased: 0, lost: 0 }
  await replayOnce({
    ...{ log, topic: source, mark: REPLAYED_HEADER, signal },
    transactionalId: partition => `${source}-replay-${partition}`,
    async outgoing(record) {
      const { failed } = rejectedEvent(record)
      const event = failed && eventOf(failed)
      if (failed === undefined || event === undefined) {
        counts.lost++
        return []
      }
      const arrival = arrivalOf(failed)
      const { accepted } = await intake.take([event], arrival)
      const captured = taking.captured()
      const place = { ...nowhere, appendedAt: arrival.receivedAt }
      if (captured.some(({ key }) => key !== null && list.covers(key, place))) {
        counts.erased++
        return []
      }
      counts[accepted > 0 ? 'taken' : 'rejected']++
      const { partition } = record
      return captured.map(({ topic, key, value }) => ({ topic, partition, key, value }))
    },
  })
  return counts
}

class CapturingSink implements Sink {
  readonly #records: SinkRecord[] = []

  async put(records: readonly SinkRecord[]): Promise<void> {
    this.#records.push(...records)
  }

  captured(): SinkRecord[] {
    return this.#records.splice(0)
  }

  async close(): Promise<void> {
    return undefined
  }
}

function arrivalOf({ source, requireConsent, receivedAt, ...rest }: FailedEvent) {
  const { sentAt, ip, userAgent } = rest
  return {
    source: { name: source, requireConsent: requireConsent === true },
    receivedAt: Date.parse(receivedAt),
    ...(sentAt !== undefined && { sentAt }),
    ...(ip !== undefined && { ip }),
    ...(userAgent !== undefined && { userAgent }),
  }
}

/** `undefined`: it is not there whole. */
function eventOf({ payload, cut }: FailedEvent): unknown {
  if (cut) return undefined
  try {
    return JSON.parse(payload)
  } catch (error) {
    if (error instanceof SyntaxError) return undefined
    throw error
  }
}
