import { isServerLibrary } from './event-context.ts'
import type { Arrival } from './intake.ts'
import { isSame, namesOf } from './json-bytes.ts'
import type { JsonPacker } from './json-packer.ts'
import { PackedField } from './pack-writer.ts'

const COMMA = 0x2c
const OPEN = 0x7b
const CLOSE = 0x7d
const LETTER_N = 0x6e
/** Of an event's context. */
const DEPTH = 2
const none: Buffer = Buffer.alloc(0)
const fieldOf = namesOf(['ip', 'userAgent', 'library'] as const)

/** The context of an event that is packed from its JSON, with the sender's address and browser where it names none. */
export class ContextPacker {
  readonly #packer: JsonPacker
  readonly #ips = new PackedField('ip')
  readonly #userAgents = new PackedField('userAgent')
  /** What all contexts of a request are given, packed; of no bytes where it is not known. */
  #ip = none
  #userAgent = none
  /** The library that was seen last, as JSON, and whether it runs on servers. */
  #library = none
  #isServerLibrary = false

  constructor(packer: JsonPacker) {
    this.#packer = packer
  }

  /** Of the next request. */
  start({ ip, userAgent }: Arrival): void {
    this.#ip = this.#ips.of(ip)
    this.#userAgent = this.#userAgents.of(userAgent)
  }

  /** The most that a context is given. */
  get senderBytes(): number {
    return this.#ip.length + this.#userAgent.length
  }

  /** Packs the context that is next, as `contextOf` does; `false`: it is unusual. */
  pack(): boolean {
    const packer = this.#packer
    const { json } = packer
    if (!packer.takes(OPEN)) return false
    const head = packer.open()
    let count = 0
    let hasIp = this.#ip.length === 0
    let hasUserAgent = this.#userAgent.length === 0
    let libraryStart = 0
    let libraryEnd = 0
    if (!packer.takes(CLOSE))
      for (;;) {
        if (!packer.name(DEPTH, count++)) return false
        const { textStart, textEnd } = packer
        const field = fieldOf(json, textStart, textEnd)
        packer.text(json, textStart, textEnd)
        const first = packer.next()
        const { from } = packer
        if (!packer.value(DEPTH + 1)) return false
        if (field !== undefined) {
          if (field === 'library') {
            libraryStart = from
            libraryEnd = packer.from
          } else if (first === LETTER_N) return false
          else if (field === 'ip') hasIp = true
          else hasUserAgent = true
        }
        if (packer.takes(COMMA)) continue
        if (!packer.takes(CLOSE)) return false
        break
      }
    if (!(hasIp && hasUserAgent) && !this.#isServer(libraryStart, libraryEnd))
      count += this.#addSender(hasIp, hasUserAgent)
    return packer.close(head, count, 'map')
  }

  /** Packs one that says who sent the event, and nothing else. */
  packSender(): void {
    const head = this.#packer.open()
    const count = this.#addSender(this.#ip.length === 0, this.#userAgent.length === 0)
    this.#packer.close(head, count, 'map')
  }

  /** Answers how many it has added. */
  #addSender(hasIp: boolean, hasUserAgent: boolean): number {
    if (!hasIp) this.#packer.bytes(this.#ip)
    if (!hasUserAgent) this.#packer.bytes(this.#userAgent)
    return Number(!hasIp) + Number(!hasUserAgent)
  }

  /** Of nearly all events it is the same one. */
  #isServer(start: number, end: number): boolean {
    if (start === end) return false
    const { json } = this.#packer
    if (!isSame(json, start, end, this.#library)) {
      this.#library = Buffer.from(json.subarray(start, end))
      this.#isServerLibrary = isServerLibrary(JSON.parse(this.#library.toString()))
    }
    return this.#isServerLibrary
  }
}
