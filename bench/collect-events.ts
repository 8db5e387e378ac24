/** Users that the events are of. */
const USERS = 20_000

/** An event as Segment's library for Node sends it, about 400 bytes. */
export function eventJson(messageId: string, number: number): string {
  const product = (number * 7_919) % 5_000
  return (
    `{"messageId":"${messageId}","type":"track","event":"Product Viewed","userId":"user-${number % USERS}",` +
    '"timestamp":"2026-01-02T10:20:30.400Z","_metadata":{"nodeVersion":"20.20.2","jsRuntime":"node"},' +
    `"properties":{"product_id":"sku-${product}","name":"Runner ${product}","category":"Shoes","price":59.9,"currency":"EUR","position":${number % 20}},` +
    '"context":{"library":{"name":"@segment/analytics-node","version":"3.1.0"}},"integrations":{}}'
  )
}

/** The body of a request with the events from `first` on: one is sent alone, more as a batch. */
export function requestBody(run: string, first: number, count: number): string {
  if (count === 1) return eventJson(idOf(run, first), first)
  const events: string[] = []
  for (let number = first; number < first + count; number++)
    events.push(eventJson(idOf(run, number), number))
  return `{"batch":[${events.join()}],"sentAt":"2026-01-02T10:20:30.500Z"}`
}

export const idOf = (run: string, number: number): string => `${run}:${number}`

/** A set of event numbers, a bit each. */
export class EventSet {
  bits: Buffer
  size = 0

  constructor(bits: Buffer = Buffer.alloc(1 << 16)) {
    this.bits = bits
    for (const byte of bits) for (let rest = byte; rest > 0; rest >>= 1) this.size += rest & 1
  }

  has(number: number): boolean {
    return ((this.bits[number >> 3] ?? 0) & (1 << (number & 7))) !== 0
  }

  /** Answers whether it was new. */
  add(number: number): boolean {
    if (this.has(number)) return false
    const at = number >> 3
    if (at >= this.bits.length) {
      const grown = Buffer.alloc(Math.max(at + 1, this.bits.length * 2))
      this.bits.copy(grown)
      this.bits = grown
    }
    this.bits[at] = (this.bits[at] ?? 0) | (1 << (number & 7))
    this.size++
    return true
  }

  /** Numbers that this has and the other has not. */
  without(other: EventSet): number {
    let count = 0
    for (const [at, byte] of this.bits.entries())
      for (let rest = byte & ~(other.bits[at] ?? 0); rest > 0; rest >>= 1) count += rest & 1
    return count
  }
}
