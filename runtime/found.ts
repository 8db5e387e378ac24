/** Their places in `Found`. */
export const fields = {
  messageId: 0,
  type: 1,
  event: 2,
  userId: 3,
  anonymousId: 4,
  previousId: 5,
  timestamp: 6,
  sentAt: 7,
  receivedAt: 8,
  state: 9,
  // The objects, which are read late.
  properties: 10,
  traits: 11,
  context: 12,
}

const names = Object.keys(fields).map(name => Buffer.from(name))
const longestName = Math.max(...names.map(({ length }) => length))
/** The fields whose names have so many bytes. */
const ofLength = Array.from({ length: longestName + 1 }, (_, length) =>
  [...names.keys()].filter(field => names[field]?.length === length),
)

/** The field with the name that lies there; `undefined`: it is none of ours. */
export function fieldNamed(bytes: Buffer, start: number, end: number): number | undefined {
  const length = end - start
  if (length > longestName) return undefined
  const candidates = ofLength[length] as number[]
  for (let index = 0; index < candidates.length; index++) {
    const field = candidates[index] as number
    const name = names[field] as Buffer
    let at = 0
    while (at < length && bytes[start + at] === name[at]) at++
    if (at === length) return field
  }
  return undefined
}

/** Where the values of one event's fields lie. */
export class Found {
  readonly #starts = new Int32Array(names.length)
  readonly #ends = new Int32Array(names.length)
  readonly #marks = new Uint8Array(names.length)

  forget(): void {
    for (let field = 0; field < names.length; field++) this.#starts[field] = absent
  }

  /** Of a name that comes twice the last one stands, as with `JSON.parse`. */
  put(field: number, start: number, end: number, marks: number): void {
    this.#starts[field] = start
    this.#ends[field] = end
    this.#marks[field] = marks
  }

  open(field: number, start: number): void {
    this.#starts[field] = start
  }

  close(field: number, end: number, marks: number): void {
    this.#ends[field] = end
    this.#marks[field] = marks
  }

  start(field: number): number {
    return this.#starts[field] as number
  }

  end(field: number): number {
    return this.#ends[field] as number
  }

  marks(field: number): number {
    return this.#starts[field] === absent ? 0 : (this.#marks[field] as number)
  }
}

export const absent = -1
