import { RecordPack } from '../protocol/record-batch.ts'

/** Of all that wait to be used again. */
const BYTES_MAX = 4 * 1024 * 1024

/**
 * Packs whose records are safe, to be filled again: buffers made for each batch would be tens of megabytes a second,
 * and V8 then collects the whole heap ten times a second for them.
 */
export class PackPool {
  readonly #packs: RecordPack[] = []
  #bytes = 0

  take(bytesGuess: number): RecordPack {
    const pack = this.#packs.pop()
    if (pack === undefined) return new RecordPack(bytesGuess)
    this.#bytes -= pack.capacity
    return pack
  }

  /** Nobody may have bytes of it any more. */
  give(pack: RecordPack): void {
    if (this.#bytes + pack.capacity > BYTES_MAX) return
    pack.clear()
    this.#bytes += pack.capacity
    this.#packs.push(pack)
  }
}
