/**
 * Seeded pseudo-random numbers (sfc32, from the PractRand suite: https://pracrand.sourceforge.net).
 * Two generators of one seed give the same numbers for ever.
 */
export class Random {
  private a: number
  private b: number
  private c: number
  private counter = 1

  constructor(seed: number | string) {
    const text = String(seed)
    this.a = hash(text, 0x9e3779b9)
    this.b = hash(text, 0x243f6a88)
    this.c = hash(text, 0xb7e15162)
    for (let round = 0; round < 12; round++) this.bits()
  }

  /** A generator of its own: what it gives does not depend on how often others are asked. */
  fork(name: string): Random {
    return new Random(`${this.bits()}/${name}`)
  }

  /** In [0, 1). */
  unit(): number {
    return this.bits() / 0x1_0000_0000
  }

  /** A whole number in [0, bound). */
  below(bound: number): number {
    return Math.floor(this.unit() * bound)
  }

  /** A whole number from `low` to `high`, both included. */
  between(low: number, high: number): number {
    return low + this.below(high - low + 1)
  }

  chance(probability: number): boolean {
    return this.unit() < probability
  }

  pick<T>(choices: readonly T[]): T {
    if (choices.length === 0) throw new RangeError('expected something to pick from, found nothing')
    return choices[this.below(choices.length)] as T
  }

  private bits(): number {
    const sum = (this.a + this.b + this.counter++) | 0
    this.a = this.b ^ (this.b >>> 9)
    this.b = (this.c + (this.c << 3)) | 0
    this.c = ((this.c << 21) | (this.c >>> 11)) + sum
    return sum >>> 0
  }
}

/** FNV-1a over UTF-16 units, from another start for each word of the state. */
function hash(text: string, start: number): number {
  let value = start
  for (let at = 0; at < text.length; at++) {
    value = Math.imul(value ^ text.charCodeAt(at), 0x01000193)
  }
  return value | 0
}
