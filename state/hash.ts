/**
 * 53 bits of a string's UTF-16 units: two lanes with different odd multipliers, mixed into each other at the
 * end as MurmurHash3 finishes its own (https://github.com/aappleby/smhasher). Not for keeping secrets.
 */
export function hash53(text: string): number {
  let high = 0x9e3779b9
  let low = 0x85ebca6b ^ text.length
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i)
    high = Math.imul(high ^ unit, 0x9e3779b1)
    low = Math.imul(low ^ unit, 0x5bd1e995)
    high ^= high >>> 15
    low ^= low >>> 13
  }
  high = finish(high ^ Math.imul(low, 0xc2b2ae35))
  low = finish(low ^ Math.imul(high, 0x27d4eb2f))
  return (high >>> 11) * 2 ** 32 + (low >>> 0)
}

function finish(lane: number): number {
  let mixed = Math.imul(lane ^ (lane >>> 16), 0x85ebca6b)
  mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35)
  return mixed ^ (mixed >>> 16)
}
