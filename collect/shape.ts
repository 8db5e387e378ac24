import type { Fault } from './fault.ts'

/** An event is nested no deeper: SDKs stay below ten. */
export const DEPTH_MAX = 32
/** An event has no more keys and items in all; one that fits into 32 KB has fewer, unless it was made to be slow. */
export const KEYS_MAX = 5_000

/**
 * Checks what no event may have before anything recursive sees it, and mends what only looks wrong: text with half a
 * surrogate pair, which is no UTF-8, reads U+FFFD there. `undefined`: nothing is wrong.
 *
 * Hot path: one pass, no path kept; a fault's path is looked for afterwards.
 */
export function faultOfShape(event: Record<string, unknown>): Fault | undefined {
  const keys = walk(event, 1, 0)
  if (keys >= 0) return undefined
  if (keys === tooMany) {
    const reason = `expected at most ${KEYS_MAX} keys and items in all, got more`
    return { code: 'too_many_keys', path: '', reason }
  }
  const path = pathTo(event, 1) ?? ''
  if (keys === notFinite) {
    return { code: 'bad_field', path, reason: 'expected a number up to 1.8e308, got a larger one' }
  }
  return { code: 'too_deep', path, reason: `expected at most ${DEPTH_MAX} levels, got more` }
}

const tooDeep = -1
const tooMany = -2
const notFinite = -3

/** How many keys there are with those below `value`; less than 0: a fault. */
function walk(value: object, depth: number, before: number): number {
  if (depth > DEPTH_MAX) return tooDeep
  let keys = before
  if (Array.isArray(value)) {
    keys += value.length
    if (keys > KEYS_MAX) return tooMany
    for (let at = 0; at < value.length; at++) {
      const item: unknown = value[at]
      if (typeof item === 'string') {
        if (!item.isWellFormed()) value[at] = item.toWellFormed()
      } else if (typeof item === 'number') {
        if (!Number.isFinite(item)) return notFinite
      } else if (typeof item === 'object' && item !== null) {
        keys = walk(item, depth + 1, keys)
        if (keys < 0) return keys
      }
    }
    return keys
  }
  const fields = value as Record<string, unknown>
  for (const key in fields) {
    if (++keys > KEYS_MAX) return tooMany
    const field = fields[key]
    if (typeof field === 'string') {
      if (!field.isWellFormed()) fields[key] = field.toWellFormed()
    } else if (typeof field === 'number') {
      if (!Number.isFinite(field)) return notFinite
    } else if (typeof field === 'object' && field !== null) {
      keys = walk(field, depth + 1, keys)
      if (keys < 0) return keys
    }
    if (!key.isWellFormed()) {
      fields[key.toWellFormed()] = fields[key]
      delete fields[key]
    }
  }
  return keys
}

/** Where the first fault of `walk` is, the names of its first levels; keys are the customer's words, not a person's. */
function pathTo(value: object, depth: number): string | undefined {
  if (depth > DEPTH_MAX) return ''
  for (const [key, field] of Object.entries(value)) {
    if (typeof field === 'number' && !Number.isFinite(field)) return key
    if (typeof field !== 'object' || field === null) continue
    const below = pathTo(field, depth + 1)
    if (below !== undefined) return below === '' || depth > PATH_LEVELS ? key : `${key}.${below}`
  }
  return undefined
}

const PATH_LEVELS = 4
