/**
 * An event, decoded and checked: Segment's common fields (https://segment.com/docs/connections/spec/common/).
 * Times are epoch ms. What a producer sent beyond these fields is not carried.
 */
export interface Event {
  /** Whose state it goes into: `userId`, or `anonymousId` where there is none; of a rekeyed event what `rekey` said. */
  readonly key: string
  /** '' when the producer gave none; such an event is never taken for a duplicate. */
  readonly messageId: string
  /** `track`, `identify`, `page`, `screen`, `group` or `alias`; of a rekeyed event also `link` or `merge`. */
  readonly type: string
  /** Name of a `track` event, such as `Order Completed`; '' for other types. */
  readonly event: string
  /** '' when the producer gave none. */
  readonly userId: string
  /** Who the user was before he was known; of an `alias` its `previousId`. */
  readonly anonymousId: string | undefined
  /** When it happened; clamped to five minutes after the record's append time. */
  readonly timestamp: number
  readonly sentAt: number | undefined
  readonly receivedAt: number | undefined
  readonly properties: Readonly<Record<string, unknown>>
  readonly traits: Readonly<Record<string, unknown>>
  readonly context: Readonly<Record<string, unknown>>
  /** What `rekey` sent along. */
  readonly state: Uint8Array | undefined
}

/** The name of a method that gives an event as a plain object; of events that read their objects late. */
export const asPlain = Symbol('asPlain')

/**
 * The event for a function that is not ours: an object with fields of its own only, which may be copied with
 * `{ ...event }`, kept, and written as JSON.
 */
export function plainEvent(event: Event & { [asPlain]?(): Event }): Event {
  return event[asPlain]?.() ?? event
}
