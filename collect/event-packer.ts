import { ContextPacker } from './context-packer.ts'
import { eventTime, isoOf, timeOf } from './event-time.ts'
import type { Arrival } from './intake.ts'
import { isSame, namesOf } from './json-bytes.ts'
import { GROWTH_MAX, JsonPacker } from './json-packer.ts'
import { MESSAGE_ID_CHARS_MAX } from './message-id.ts'
import { ID_CHARS_MAX, isFault, NAME_CHARS_MAX } from './normalise.ts'
import { PackedField, packed } from './pack-writer.ts'
import { Seen } from './seen-fields.ts'

/** What the events of one request have in common. */
export interface PackMoment {
  readonly arrival: Arrival & { readonly sentAt?: string | undefined }
  /** The arrival's, ISO 8601. */
  readonly receivedAt: string
  /** Of events that name none. */
  readonly type?: string | undefined
}

const COMMA = 0x2c
const OPEN = 0x7b
const CLOSE = 0x7d
/** Depth of an event's own names, and of those below. */
const TOP = 1
const INNER = 2
/** What is written beside the event itself: names, three times, heads. */
const OWN_BYTES = 512
const track = Buffer.from('track')
const others = [Buffer.from('page'), Buffer.from('screen')]
const types = ['track', 'page', 'screen']
const none: Buffer = Buffer.alloc(0)
/** Names with their heads. */
const timestampHead = packed('timestamp')
const originalHead = packed('originalTimestamp')
const sentHead = packed('sentAt')

const fieldOf = namesOf([
  ...(['type', 'event', 'userId', 'anonymousId', 'messageId', 'timestamp'] as const),
  ...(['originalTimestamp', 'sentAt', 'properties', 'traits', 'context'] as const),
  ...(['receivedAt', 'writeKey', 'batch'] as const),
])

/**
 * Makes of an event's JSON what `normalise` and msgpackr make of it, in one pass over its bytes. It knows what most
 * events are like: a page, a screen or what is tracked, with an id for the message and text for ids and times. What
 * is unlike that, also all that is to be rejected, it leaves to them.
 */
export class EventPacker {
  readonly #packer = new JsonPacker()
  readonly #sents = new PackedField('sentAt')
  readonly #receiveds = new PackedField('receivedAt')
  readonly #context = new ContextPacker(this.#packer)
  /** Of the event that was packed last. */
  key = ''
  /** No fewer bytes than msgpackr makes of it: that gives each map, also a small one, a head of three. */
  bytesMost = 0
  /** Of the request: when it was sent, epoch ms; and what all its events are given, packed. */
  #sentAt: number | undefined
  #sent: Buffer = none
  #received: Buffer = none

  /** Begins with other JSON, of UTF-8; what was packed before is not needed any more. */
  start(json: Buffer, from: number, { arrival, receivedAt }: PackMoment): void {
    this.#packer.json = json
    this.#packer.from = from
    this.#packer.to = 0
    const { sentAt } = arrival
    this.#sentAt = timeOf(sentAt)
    this.#sent = this.#sents.of(sentAt)
    this.#received = this.#receiveds.of(receivedAt)
    this.#context.start(arrival)
  }

  /** Where the next event begins. */
  get from(): number {
    return this.#packer.from
  }

  set from(from: number) {
    this.#packer.from = from
  }

  /** The next byte that is no blank; 0 at the end. */
  next(): number {
    return this.#packer.next()
  }

  /** Packs the event that begins here: a view, good until `start`. `undefined`: it is unusual. */
  pack(moment: PackMoment): Buffer | undefined {
    const packer = this.#packer
    const own = OWN_BYTES + this.#sent.length + this.#received.length + this.#context.senderBytes
    packer.reserve((packer.json.length - packer.from) * GROWTH_MAX + own)
    packer.keys = 0
    const start = packer.to
    if (this.#event(moment)) {
      // Each map but the event itself, and a context that it is given, is what a name or an item has.
      this.bytesMost = packer.to - start + 2 * (packer.keys + 2)
      return packer.out.subarray(start, packer.to)
    }
    packer.to = start
    return undefined
  }

  #event(moment: PackMoment): boolean {
    const packer = this.#packer
    if (!packer.takes(OPEN)) return false
    const head = packer.open()
    const seen = new Seen()
    let names = 0
    do if (!packer.name(TOP, names++) || !this.#field(seen)) return false
    while (packer.takes(COMMA))
    if (!packer.takes(CLOSE)) return false
    if (!seen.hasType) this.#giveType(seen, moment)
    const key = seen.userId ?? seen.anonymousId
    if (key === undefined || !seen.hasId || !seen.hasType || (seen.isTrack && !seen.hasEvent))
      return false
    this.key = key
    if (!this.#addTimes(seen, moment)) return false
    if (!seen.hasContext && this.#context.senderBytes > 0) {
      packer.string('context')
      this.#context.packSender()
      seen.written++
    }
    return packer.close(head, seen.written, 'map')
  }

  /** The field whose name has just been found. Times are written at the end, with what is made of them. */
  #field(seen: Seen): boolean {
    const packer = this.#packer
    const { textStart, textEnd } = packer
    const field = fieldOf(packer.json, textStart, textEnd)
    switch (field) {
      case 'timestamp':
      case 'originalTimestamp':
        return packer.plainText() && this.#noteTime(field, seen)
      case 'sentAt':
        if (!packer.plainText()) return false
        seen.sentAt = this.#found()
        return true
      case 'receivedAt':
      case 'writeKey':
      case 'batch':
        return false
    }
    packer.text(packer.json, textStart, textEnd)
    seen.written++
    switch (field) {
      case 'context':
        seen.hasContext = true
        return this.#context.pack()
      case 'properties':
      case 'traits':
        return packer.next() === OPEN && packer.value(INNER)
      case undefined:
        return packer.value(INNER)
      default:
        return this.#word(field, seen)
    }
  }

  /** `timestamp` wins over `originalTimestamp`. */
  #noteTime(field: 'timestamp' | 'originalTimestamp', seen: Seen): true {
    if (field === 'originalTimestamp' && seen.hasTimestamp) return true
    seen.hasTimestamp = field === 'timestamp'
    seen.timeStart = this.#packer.textStart
    seen.timeEnd = this.#packer.textEnd
    return true
  }

  /** An id, a type or a name of what happened. */
  #word(field: Word, seen: Seen): boolean {
    const packer = this.#packer
    if (!packer.plainText()) return false
    const { json, textStart, textEnd } = packer
    if (textEnd === textStart || textEnd - textStart > charsMax[field]) return false
    packer.text(json, textStart, textEnd)
    switch (field) {
      case 'type':
        seen.hasType = true
        seen.isTrack = isSame(json, textStart, textEnd, track)
        return seen.isTrack || others.some(type => isSame(json, textStart, textEnd, type))
      case 'event':
        seen.hasEvent = true
        return true
      case 'messageId':
        seen.hasId = true
        return true
      default:
        seen[field] = this.#found()
        return true
    }
  }

  #giveType(seen: Seen, { type }: PackMoment): void {
    if (type === undefined || !types.includes(type)) return
    this.#packer.string('type')
    this.#packer.string(type)
    seen.written++
    seen.hasType = true
    seen.isTrack = type === 'track'
  }

  #addTimes(seen: Seen, { arrival }: PackMoment): boolean {
    const packer = this.#packer
    const { json } = packer
    const { timeStart, timeEnd, sentAt } = seen
    const named = timeEnd === 0 ? undefined : json.toString('latin1', timeStart, timeEnd)
    const time = eventTime(named, sentAt ?? this.#sentAt, arrival.receivedAt, 'timestamp')
    if (isFault(time)) return false
    const iso = isoOf(time, named)
    packer.bytes(timestampHead)
    if (iso === named) packer.text(json, timeStart, timeEnd)
    else packer.string(iso)
    if (named !== undefined) {
      packer.bytes(originalHead)
      packer.text(json, timeStart, timeEnd)
      seen.written++
    }
    const sent = sentAt ?? arrival.sentAt
    if (sentAt !== undefined) {
      packer.bytes(sentHead)
      packer.string(sentAt)
    } else packer.bytes(this.#sent)
    packer.bytes(this.#received)
    seen.written += sent === undefined ? 2 : 3
    return true
  }

  #found(): string {
    const { json, textStart, textEnd } = this.#packer
    return json.toString('latin1', textStart, textEnd)
  }
}

type Word = keyof typeof charsMax

const charsMax = {
  ...{ type: NAME_CHARS_MAX, event: NAME_CHARS_MAX, messageId: MESSAGE_ID_CHARS_MAX },
  ...{ userId: ID_CHARS_MAX, anonymousId: ID_CHARS_MAX },
}
