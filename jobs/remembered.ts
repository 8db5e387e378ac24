/** A user's last different values and when each last came, latest first: `[value, time, value, time, …]`, epoch ms. */
export type Remembered = (string | number)[]

export interface RememberedBounds {
  /** How many values. */
  readonly keep: number
  /** How much older than the newest one they may be, ms. */
  readonly withinMs: number
}

/**
 * Takes a value into the memory. Answers the others in it, latest first, where the value is new there;
 * `undefined` where it was there already, or came too late to get there. So a pair of values is answered
 * once for as long as both are remembered, in whatever order and however often they come.
 */
export function remember(
  memory: Remembered,
  value: string,
  time: number,
  { keep, withinMs }: RememberedBounds,
): string[] | undefined {
  const newest = Math.max(time, timeAt(memory, 0))
  while (memory.length > 0 && timeAt(memory, memory.length - 2) < newest - withinMs)
    memory.length -= 2
  const known = placeOf(memory, value)
  if (known < 0) {
    const isFull = memory.length >= 2 * keep
    if (time < newest - withinMs || (isFull && time < timeAt(memory, memory.length - 2)))
      return undefined
    const others = valuesOf(memory)
    put(memory, value, time)
    if (isFull) memory.length -= 2
    return others
  }
  if (time >= timeAt(memory, known)) {
    memory.splice(known, 2)
    put(memory, value, time)
  }
  return undefined
}

/** Latest first. */
export function valuesOf(memory: Remembered): string[] {
  return memory.filter((_, at) => at % 2 === 0) as string[]
}

/** Into the first. */
export function mergeRemembered(
  into: Remembered,
  from: Remembered,
  bounds: RememberedBounds,
): Remembered {
  for (let at = from.length - 2; at >= 0; at -= 2)
    remember(into, from[at] as string, timeAt(from, at), bounds)
  return into
}

/** Of values of one moment the one that came last stands first. */
function put(memory: Remembered, value: string, time: number): void {
  let at = 0
  while (at < memory.length && timeAt(memory, at) > time) at += 2
  memory.splice(at, 0, value, time)
}

function placeOf(memory: Remembered, value: string): number {
  let at = 0
  while (at < memory.length && memory[at] !== value) at += 2
  return at < memory.length ? at : -1
}

function timeAt(memory: Remembered, at: number): number {
  return (memory[at + 1] as number | undefined) ?? Number.NEGATIVE_INFINITY
}
