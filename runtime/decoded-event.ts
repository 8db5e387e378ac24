import { asPlain, type Event } from '../jobs/event.ts'
import type { EventParts } from './raw-event.ts'

/** An event without its objects. */
export type EventHead = Omit<Event, keyof EventParts>

class Head implements EventHead {
  readonly key: string
  readonly messageId: string
  readonly type: string
  readonly event: string
  readonly userId: string
  readonly anonymousId: string | undefined
  readonly timestamp: number
  readonly sentAt: number | undefined
  readonly receivedAt: number | undefined
  readonly state: Uint8Array | undefined

  constructor(head: EventHead) {
    this.key = head.key
    this.messageId = head.messageId
    this.type = head.type
    this.event = head.event
    this.userId = head.userId
    this.anonymousId = head.anonymousId
    this.timestamp = head.timestamp
    this.sentAt = head.sentAt
    this.receivedAt = head.receivedAt
    this.state = head.state
  }
}

/**
 * An event from a record. Its objects are read when they are asked for, by getters of the class, since one is made for
 * every record: to define a getter on an object of its own takes 0.2 µs, which is as long as all else here.
 */
export class DecodedEvent extends Head implements Event {
  readonly #parts: EventParts
  #plain: Event | undefined

  constructor(head: EventHead, parts: EventParts) {
    super(head)
    this.#parts = parts
  }

  get properties(): EventParts['properties'] {
    return this.#parts.properties
  }

  get traits(): EventParts['traits'] {
    return this.#parts.traits
  }

  get context(): EventParts['context'] {
    return this.#parts.context
  }

  [asPlain](): Event {
    this.#plain ??= new PlainEvent(this, this.#parts)
    return this.#plain
  }

  toJSON(): Event {
    return this[asPlain]()
  }
}

/** A context may be large, and few functions look at it: here the getter is cheaper than to read it at once. */
class PlainEvent extends Head implements Event {
  static readonly #lateContext: PropertyDescriptor & ThisType<PlainEvent> = {
    get() {
      return this.#parts.context
    },
    enumerable: true,
    configurable: true,
  }
  readonly properties: EventParts['properties']
  readonly traits: EventParts['traits']
  declare readonly context: EventParts['context']
  readonly #parts: EventParts

  constructor(head: EventHead, parts: EventParts) {
    super(head)
    this.properties = parts.properties
    this.traits = parts.traits
    this.#parts = parts
    Object.defineProperty(this, 'context', PlainEvent.#lateContext)
  }
}
