import type { TimerEntry } from './store.ts'

/** By time, then by the UTF-8 bytes of the key: the order of the keys that `timerKey` makes. */
export function compareTimers(a: TimerEntry, b: TimerEntry): number {
  return a.time - b.time || compareUtf8(a.key, b.key)
}

/**
 * Orders strings as their UTF-8 bytes would be. That differs from `<`, which goes by UTF-16 units, only
 * where a surrogate (a character above U+FFFF) meets U+E000–U+FFFF: the surrogate's character is larger.
 */
export function compareUtf8(a: string, b: string): number {
  const length = Math.min(a.length, b.length)
  for (let i = 0; i < length; i++) {
    const left = a.charCodeAt(i)
    const right = b.charCodeAt(i)
    if (left !== right) return codePointOrder(left) - codePointOrder(right)
  }
  return a.length - b.length
}

/** Throws a `RangeError` for a time that the index cannot keep in order. */
export function checkTimers(timers: readonly TimerEntry[]): void {
  for (const { time, key } of timers)
    if (!Number.isSafeInteger(time) || time < 0)
      throw new RangeError(
        `a timer's time must be a whole number of epoch ms, 0 or later; found ${time}, for key "${key}"`,
      )
}

/** The timers of `sorted` after `cursor` and at or before `upTo`, at most `limit`. */
export function timersBetween(
  sorted: readonly TimerEntry[],
  cursor: TimerEntry | undefined,
  upTo: number,
  limit: number,
): TimerEntry[] {
  const start = cursor === undefined ? 0 : firstAfter(sorted, cursor)
  let end = start
  while (end < sorted.length && end - start < limit && (sorted[end] as TimerEntry).time <= upTo)
    end++
  return sorted.slice(start, end)
}

/** Puts the timer in its place; nothing where it is there already. */
export function insertTimer(sorted: TimerEntry[], timer: TimerEntry): void {
  const at = firstAfter(sorted, timer)
  const before = sorted[at - 1]
  if (before !== undefined && compareTimers(before, timer) === 0) return
  sorted.splice(at, 0, timer)
}

export function removeTimer(sorted: TimerEntry[], timer: TimerEntry): void {
  const at = firstAfter(sorted, timer) - 1
  const found = sorted[at]
  if (found !== undefined && compareTimers(found, timer) === 0) sorted.splice(at, 1)
}

function firstAfter(sorted: readonly TimerEntry[], timer: TimerEntry): number {
  let low = 0
  let high = sorted.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if (compareTimers(sorted[middle] as TimerEntry, timer) <= 0) low = middle + 1
    else high = middle
  }
  return low
}

/** Moves the surrogates above the rest of the 16-bit units, where UTF-8 has their characters. */
function codePointOrder(unit: number): number {
  if (unit < 0xd800) return unit
  return unit < 0xe000 ? unit + 0x2000 : unit - 0x800
}
