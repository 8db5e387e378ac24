import type { TopicView } from './topic-view.ts'

/** Beyond it the oldest are forgotten; of a few hundred bytes each. */
const KEPT_MAX = 20_000

/**
 * Rows of one topic, parsed, of which those that were asked for lately stay in memory: a product's row goes into
 * thousands of answers before it changes. A change forgets the row at once.
 */
export class ParsedRows<Parsed> {
  readonly #view: Pick<TopicView, 'findAll' | 'onChange'>
  readonly #parse: (json: string) => Parsed
  readonly #kept = new Map<string, Parsed | null>()
  /** From the oldest on; one from the front each time would first pass over all that has left. */
  #oldest = this.#kept.keys()
  /** Keys that are being read; those that change meanwhile leave it, since what is read of them may be old. */
  readonly #readings = new Set<Set<string>>()

  constructor(view: Pick<TopicView, 'findAll' | 'onChange'>, parse: (json: string) => Parsed) {
    this.#view = view
    this.#parse = parse
    view.onChange(key => this.#forget(key))
  }

  /** `null` for a key without a row; `undefined` where it is not in memory. */
  atHand(key: string): Parsed | null | undefined {
    return this.#kept.get(key)
  }

  /** `null` for a key without a row. */
  async find(keys: Iterable<string>): Promise<Map<string, Parsed | null>> {
    const found = new Map<string, Parsed | null>()
    const missing = new Set<string>()
    for (const key of keys) {
      const kept = this.#kept.get(key)
      if (kept === undefined) missing.add(key)
      else found.set(key, kept)
    }
    if (missing.size > 0) await this.#read([...missing], missing, found)
    return found
  }

  async #read(
    keys: readonly string[],
    unchanged: Set<string>,
    found: Map<string, Parsed | null>,
  ): Promise<void> {
    this.#readings.add(unchanged)
    try {
      const rows = await this.#view.findAll(keys)
      for (const [at, key] of keys.entries()) {
        const row = rows[at]
        const parsed = row === undefined ? null : this.#parse(row.json)
        found.set(key, parsed)
        if (unchanged.has(key)) this.#keep(key, parsed)
      }
    } finally {
      this.#readings.delete(unchanged)
    }
  }

  #forget(key: string | undefined): void {
    if (key === undefined) this.#kept.clear()
    else this.#kept.delete(key)
    for (const reading of this.#readings) {
      if (key === undefined) reading.clear()
      else reading.delete(key)
    }
  }

  #keep(key: string, parsed: Parsed | null): void {
    while (this.#kept.size >= KEPT_MAX) {
      const { value, done } = this.#oldest.next()
      if (done) this.#oldest = this.#kept.keys()
      else this.#kept.delete(value)
    }
    this.#kept.set(key, parsed)
  }
}
