import { rules202611 } from './rules-2026-11.ts'
import { BadRuleset, parseRuleset, type Ruleset } from './ruleset.ts'

/** Rules that Millrace has brought, the newest last. None is ever changed or taken away. */
export const rulesets: readonly Ruleset[] = [rules202611]

export const newestRules: Ruleset = rules202611

/**
 * Rules from a file's JSON: as `parseRuleset`, and with `"extends": "2026-11"` also those, after the file's own, so
 * that its own decide first. Throws a `BadRuleset`.
 */
export function rulesetOf(value: unknown): Ruleset {
  if (typeof value !== 'object' || value === null || !('extends' in value))
    return parseRuleset(value)
  const { extends: id, ...own } = value
  const extended = rulesets.find(each => each.id === id)
  if (extended === undefined) {
    const known = rulesets.map(each => each.id).join(', ')
    throw new BadRuleset(`extends: expected one of ${known}, found ${JSON.stringify(id)}`)
  }
  const parsed = parseRuleset(own)
  if (rulesets.some(each => each.id === parsed.id))
    throw new BadRuleset(`id: ${parsed.id} are Millrace's own rules: give yours another`)
  return { ...parsed, rules: [...parsed.rules, ...extended.rules] }
}
