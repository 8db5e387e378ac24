import type { Feature, TriggerRule } from './feature.ts'
import { type JobDefinition, optionNames } from './job-definition.ts'
import type { Fail } from './table.ts'
import { type Segment, segmentRule } from './watches.ts'

const featuresMax = 200

/** The words of a definition with their names, as far as they can be checked without compiling. */
export function checkWords(definition: JobDefinition, fail: Fail) {
  if (typeof definition !== 'object' || definition === null)
    fail('it is no object', "write defineJob({ name: 'email', input: 'events', features: {…} })")
  for (const option of Object.keys(definition))
    if (!optionNames.includes(option))
      fail(`unknown option "${option}"`, `its options are ${optionNames.join(', ')}`)
  if (!isMatch(definition.name, /^[a-z0-9][a-z0-9_-]{0,99}$/i))
    fail(
      `its name is ${show(definition.name)}`,
      "write letters, digits, '-' and '_', at most 100: name: 'email'",
    )
  if (!isMatch(definition.input, /^(?!\.\.?$)[a-z0-9._-]{1,249}$/i))
    fail(`input is ${show(definition.input)}`, "write the name of a topic: input: 'events'")
  if (definition.key !== undefined && definition.key !== 'userId')
    fail(`key is ${show(definition.key)}`, "write key: 'userId', or leave it out")

  const features = words(definition.features, 'feature', fail)
  const triggers = words(definition.triggers ?? {}, 'trigger', fail)
  const segments = segmentRules(definition.segments ?? {}, fail)
  if (features.length === 0)
    fail('it has no feature', "write features: { views: count({ of: 'Product Viewed' }) }")
  const wordsCount = features.length + segments.length + triggers.length
  if (wordsCount > featuresMax)
    fail(
      `it has ${wordsCount} features, segments and triggers`,
      `${featuresMax} is the most: split it into two jobs`,
    )
  const names = [...features, ...segments, ...triggers].map(([name]) => name)
  const doubled = names.find((name, at) => names.indexOf(name) < at)
  if (doubled !== undefined)
    fail(`two features, segments or triggers are named "${doubled}"`, 'name one of them otherwise')
  return { features, segments, triggers }
}

function segmentRules(named: Readonly<Record<string, Segment>>, fail: Fail) {
  if (typeof named !== 'object' || named === null || Array.isArray(named))
    fail(`its segments are ${show(named)}`, 'write segments: { loyal: features => … }')
  const rules = Object.entries(named).map(
    ([name, belongs]) => [name, segmentRule(belongs)] as const,
  )
  return words(Object.fromEntries(rules), 'trigger', fail)
}

/** The features or triggers with their names, each checked as far as it can be without compiling. */
function words<Word extends Feature | TriggerRule>(
  named: Readonly<Record<string, Word>>,
  role: 'feature' | 'trigger',
  fail: Fail,
): [string, Word][] {
  if (typeof named !== 'object' || named === null || Array.isArray(named))
    return fail(`its ${role}s are ${show(named)}`, `write ${role}s: { name: … }`)
  const entries = Object.entries(named)
  for (const [name, word] of entries) {
    if (!isMatch(name, /^[a-z][a-z0-9_]{0,99}$/i))
      fail(
        `a ${role} is named ${show(name)}`,
        "write a letter, then letters, digits and '_', at most 100",
      )
    const isWord = typeof word === 'object' && word !== null && typeof word.compile === 'function'
    const right = isWord && word.role === role
    const example =
      role === 'trigger' ? "first({ of: 'Order Completed' })" : "count({ of: 'Product Viewed' })"
    if (!right)
      fail(
        `${role} "${name}" is ${isWord ? `a ${word.kind}` : show(word)}`,
        `write ${name}: ${example}`,
      )
    if (typeof word.options !== 'object' || word.options === null)
      fail(`${role} "${name}" has no options`, `write ${name}: ${example}`)
  }
  return entries
}

function isMatch(value: unknown, pattern: RegExp): boolean {
  return typeof value === 'string' && pattern.test(value)
}

export function show(value: unknown): string {
  return String(JSON.stringify(value)).slice(0, 100)
}
