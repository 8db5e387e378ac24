import type { Event } from '../../jobs/event.ts'
import type { JobContext, Trigger } from '../../jobs/job.ts'

/** An event with what matters to the test, and the rest made up. */
export function eventOf(parts: Partial<Event>): Event {
  return {
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
    ...parts,
  }
}

/** A context that keeps what is sent. */
export function contextOf(watermark?: number): JobContext & { readonly sent: Trigger[] } {
  const sent: Trigger[] = []
  return { key: 'ada', watermark, sent, emit: trigger => sent.push(trigger) }
}
