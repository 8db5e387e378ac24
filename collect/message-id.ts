import { createHash, randomUUID } from 'node:crypto'
import { timeOf } from './event-time.ts'

export const MESSAGE_ID_CHARS_MAX = 256

/**
 * Ids for the events of one request that bring none. An event that says when it happened, to the millisecond, gets
 * one made of its content: the same request sent again, because its answer was lost, then brings duplicates, not more
 * events. Equals within one request are told apart by their number, which a repeat of the request repeats. An event
 * without such a time might well happen twice: each gets an id of its own.
 */
export class MessageIds {
  readonly #source: string
  readonly #seen = new Map<string, number>()

  constructor(source: string) {
    this.#source = source
  }

  of(event: Readonly<Record<string, unknown>>): string {
    const time = timeOf(event.originalTimestamp ?? event.timestamp)
    if (time === undefined || time % 1000 === 0) return randomUUID()
    // A client that sends again may say that it sends now.
    const { sentAt: _, writeKey: __, ...content } = event
    const hash = createHash('sha256').update(`${this.#source}\n${JSON.stringify(content)}`)
    const id = `made-${hash.digest('base64url').slice(0, 27)}`
    const before = this.#seen.get(id) ?? 0
    this.#seen.set(id, before + 1)
    return before === 0 ? id : `${id}-${before}`
  }
}
