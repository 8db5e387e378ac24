import type { Event } from '../../jobs/event.ts'
import type { JobContext, Trigger } from '../../jobs/job.ts'

/** An event with what matters to the test, and the rest made up. */
export function eventOf(parts: Partial<Event>): Event {
  return {
    key: parts.userId ?? 'ada',
    messageId: '',
    type: 'track',
    event: 'Product Viewed',
    userId: 'ada',
    anonymousId: undefined,
    timestamp: 0,
    sentAt: undefined,
    receivedAt: undefined,
    properties: {},
    traits: {},
    context: {},
    state: undefined,
    ...parts,
  }
}

/** A context that keeps what is sent. */
export function contextOf(watermark?: number): JobContext & { readonly sent: Trigger[] } {
  const sent: Trigger[] = []
  const nothing = () => undefined
  return {
    ...{ key: 'ada', watermark, sent, rekey: nothing, drop: nothing },
    emit: trigger => sent.push(trigger),
  }
}
