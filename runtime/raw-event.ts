/**
 * An event's fields as its producer sent them, decoded and not yet checked. One is filled again and again, so that
 * reading costs no object; whoever fills it sets them all.
 */
export class RawEvent {
  messageId: unknown
  type: unknown
  event: unknown
  userId: unknown
  anonymousId: unknown
  previousId: unknown
  /** The times are texts, numbers or `Date`s. */
  timestamp: unknown
  sentAt: unknown
  receivedAt: unknown
  state: unknown
  parts: EventParts = noParts
}

/** The objects of an event, of which a job may need none. */
export interface EventParts {
  readonly properties: Readonly<Record<string, unknown>>
  readonly traits: Readonly<Record<string, unknown>>
  readonly context: Readonly<Record<string, unknown>>
}

/** What stands in the place of an object that was not sent. */
export const noFields: Readonly<Record<string, unknown>> = Object.freeze({})

const noParts: EventParts = { properties: noFields, traits: noFields, context: noFields }
