/**
 * Amounts that lose half their weight every half-life, by forward decay (Cormode, Shkapenyuk, Srivastava, Xu:
 * ICDE 2009, https://dimacs.rutgers.edu/~graham/pubs/papers/fwddecay.pdf): each is kept as it would weigh at
 * one common time, the newest so far. So an event may come in any order, and nothing is done while none comes.
 */

/** What an amount of `time` weighs at `at`, both epoch ms. */
export function weightAt(amount: number, time: number, at: number, halfLifeMs: number): number {
  return amount * 2 ** ((time - at) / halfLifeMs)
}

/** `[time, amount]`: what was added weighs `amount` at `time`. */
export type Decayed = [time: number, amount: number]

export function addDecayed(
  part: Decayed,
  amount: number,
  time: number,
  halfLifeMs: number,
): Decayed {
  const newest = Math.max(part[0], time)
  return [
    newest,
    weighed(part[1], part[0], newest, halfLifeMs) + weightAt(amount, time, newest, halfLifeMs),
  ]
}

function weighed(amount: number, time: number, at: number, halfLifeMs: number): number {
  return amount === 0 ? 0 : weightAt(amount, time, at, halfLifeMs)
}

/**
 * The heaviest values of a stream: `[time, value, weight, value, weight, …]`, heaviest first. At most `max`
 * are kept; the lightest leaves for a new one, which inherits nothing. So a value that is shown is never
 * overrated, and one is missing only if each time that it began anew `max` others were heavier.
 */
export type Heaviest = [time: number, ...valuesAndWeights: (string | number)[]]

export function addHeaviest(
  part: Heaviest,
  value: string,
  amount: number,
  time: number,
  { halfLifeMs, max }: { readonly halfLifeMs: number; readonly max: number },
): Heaviest {
  const newest = Math.max(part[0], time)
  settle(part, newest, halfLifeMs)
  const weight = weightAt(amount, time, newest, halfLifeMs)
  let at = 1
  while (at < part.length && part[at] !== value) at += 2
  if (at < part.length) part[at + 1] = (part[at + 1] as number) + weight
  else part.push(value, weight)
  while (at > 1 && heavier(part, at, at - 2)) {
    swap(part, at, at - 2)
    at -= 2
  }
  if (part.length > 1 + 2 * max) part.length = 1 + 2 * max
  return part
}

export function mergeHeaviest(
  into: Heaviest,
  from: Heaviest,
  options: { readonly halfLifeMs: number; readonly max: number },
): Heaviest {
  let merged = into
  for (let at = 1; at < from.length; at += 2)
    merged = addHeaviest(merged, from[at] as string, from[at + 1] as number, from[0], options)
  return merged
}

/** Moves all weights on to a later time. */
function settle(part: Heaviest, time: number, halfLifeMs: number): void {
  if (time === part[0]) return
  for (let at = 2; at < part.length; at += 2)
    part[at] = weightAt(part[at] as number, part[0], time, halfLifeMs)
  part[0] = time
}

/** By weight, then by text, so that equals always stand in the same order. */
function heavier(part: Heaviest, one: number, other: number): boolean {
  const difference = (part[one + 1] as number) - (part[other + 1] as number)
  return difference > 0 || (difference === 0 && (part[one] as string) < (part[other] as string))
}

function swap(part: Heaviest, one: number, other: number): void {
  const [value, weight] = [part[one] as string, part[one + 1] as number]
  part[one] = part[other] as string
  part[one + 1] = part[other + 1] as number
  part[other] = value
  part[other + 1] = weight
}
