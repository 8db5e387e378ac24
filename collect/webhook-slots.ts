/** What is read at once: so many bodies of the most bytes. */
export const REQUESTS_MAX = 32
/** Of them from one address, so that nobody who sends slowly keeps the providers out. */
export const REQUESTS_PER_ADDRESS_MAX = REQUESTS_MAX / 2

/** Which requests' bodies are being read. */
export class ReadingSlots {
  readonly #byAddress = new Map<string, number>()
  #all = 0

  /** Gives the slot back, when it is called; `undefined` where there is none for that address. Call it once. */
  take(address: string): (() => void) | undefined {
    const own = this.#byAddress.get(address) ?? 0
    if (this.#all >= REQUESTS_MAX || own >= REQUESTS_PER_ADDRESS_MAX) return undefined
    this.#all++
    this.#byAddress.set(address, own + 1)
    return () => this.#free(address)
  }

  #free(address: string): void {
    this.#all--
    const rest = (this.#byAddress.get(address) ?? 1) - 1
    if (rest === 0) this.#byAddress.delete(address)
    else this.#byAddress.set(address, rest)
  }
}
