/** Newest first: moves the value to the front, and drops the oldest beyond `keep`. */
export function moveToFront(values: string[], value: string, keep: number): void {
  if (values[0] === value) return
  let found = values.indexOf(value)
  if (found < 0) {
    if (values.length < keep) values.push(value)
    found = values.length - 1
  }
  // Not copyWithin: on plain arrays it takes ten times as long as this loop.
  for (let at = found; at > 0; at--) values[at] = values[at - 1] as string
  values[0] = value
}

/**
 * Adds the value to a sorted set of at most `max`. Answers false when it is a new one that found no room:
 * then the set says only "at least `max` + 1".
 */
export function addToSet(sorted: string[], value: string, max: number): boolean {
  let low = 0
  let high = sorted.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if ((sorted[middle] as string) < value) low = middle + 1
    else high = middle
  }
  if (sorted[low] === value) return true
  if (sorted.length >= max) return false
  sorted.splice(low, 0, value)
  return true
}
