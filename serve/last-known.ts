import { asBuffer } from '../protocol/reader.ts'
import type { Clock } from '../runtime/clock.ts'
import { PackedValues } from '../state/packed-values.ts'

const BYTES_MAX = 64 << 20
/** Before the JSON: epoch ms at which the content was true, a double. */
const HEAD_BYTES = 8
/** Of UTF-8, for a unit of a text. */
const UNIT_BYTES_MAX = 3
const SCRATCH_BYTES = 4_096
/** As much as a block may have, and `PackedValues` takes of one value. */
const JSON_LENGTH_MAX = 256 << 10

/**
 * The answers given last, for when nothing can be read: up to 64 MiB of them, off the heap; those asked for least lately
 * leave first, and none is kept that has more than a quarter of a MiB.
 */
export class LastKnown {
  readonly #clock: Clock
  readonly #bytesMax: number
  #kept: PackedValues
  #owner: number
  /** What is kept next is written here, and copied. */
  #scratch = Buffer.allocUnsafeSlow(SCRATCH_BYTES)

  constructor(clock: Clock, bytesMax = BYTES_MAX) {
    this.#clock = clock
    this.#bytesMax = bytesMax
    this.#kept = new PackedValues(bytesMax)
    this.#owner = this.#kept.newOwner()
  }

  get isEmpty(): boolean {
    return this.#kept.count === 0
  }

  /** @param ageMs how far behind it may be already */
  keep(place: string, json: string, ageMs: number): void {
    if (json.length > JSON_LENGTH_MAX) {
      this.forget(place)
      return
    }
    const bytesMost = HEAD_BYTES + UNIT_BYTES_MAX * json.length
    if (bytesMost > this.#scratch.length) this.#scratch = Buffer.allocUnsafeSlow(bytesMost)
    this.#scratch.writeDoubleLE(this.#clock.now() - ageMs, 0)
    const end = HEAD_BYTES + this.#scratch.write(json, HEAD_BYTES)
    this.#kept.set(this.#owner, place, this.#scratch.subarray(0, end))
  }

  get(place: string): { readonly json: string; readonly ageMs: number } | undefined {
    const found = this.#kept.look(this.#owner, place)
    if (found === undefined) return undefined
    const bytes = asBuffer(found)
    const ageMs = Math.max(0, Math.round(this.#clock.now() - bytes.readDoubleLE(0)))
    return { json: bytes.toString('utf8', HEAD_BYTES), ageMs }
  }

  clear(): void {
    this.#kept = new PackedValues(this.#bytesMax)
    this.#owner = this.#kept.newOwner()
  }

  forget(place: string): void {
    this.#kept.delete(this.#owner, place)
  }
}
