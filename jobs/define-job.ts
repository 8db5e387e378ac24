import { behaviour } from './behaviour.ts'
import { checkTables, hashWithTables, unreadTables } from './bind-tables.ts'
import { compile, type Words } from './compile.ts'
import { featureId } from './compile-scope.ts'
import { definitionText, shortHash } from './definition-text.ts'
import { durationForm, parseDuration } from './duration.ts'
import type { Feature, TriggerRule } from './feature.ts'
import { absorbMerges, identityPlaces, withIdentity } from './identity.ts'
import { type Job, JobError } from './job.ts'
import { type JobDefinition, optionNames } from './job-definition.ts'
import type { JobState } from './layout.ts'
import { compileSchemas } from './schemas.ts'
import { isWhole } from './selection.ts'
import { stateForm } from './state-form.ts'
import type { Tables } from './table.ts'
import { type Segment, segmentRule } from './watches.ts'

export { after } from './after.ts'
export { bestHour } from './best-hour.ts'
export { cart } from './cart.ts'
export { decayedCount } from './decayed-count.ts'
export { derive } from './derive.ts'
export { deviceOf } from './device.ts'
export { distinct, lastDistinct } from './distinct.ts'
export { engagement } from './engagement.ts'
export { firstValue, lastValue, max, min } from './extremes.ts'
export { first } from './first.ts'
export { frequencyCap } from './frequency-cap.ts'
export { geo } from './geo.ts'
export { histogram } from './histogram.ts'
export type { JobDefinition } from './job-definition.ts'
export { lastViewed } from './last-viewed.ts'
export { lifetimeValue } from './lifetime-value.ts'
export { percentile } from './percentile.ts'
export { process } from './process.ts'
export { rfm } from './rfm.ts'
export { quintileEdges } from './rfm-edges.ts'
export { rfmSegments } from './rfm-segments.ts'
export { rhythm } from './rhythm.ts'
export { session } from './session.ts'
export { signUp } from './sign-up.ts'
export { type TablesOf, table } from './table.ts'
export { firstTime, lastTime } from './times.ts'
export { topCategories } from './top-categories.ts'
export { topK } from './top-k.ts'
export { average, count, ratio, sum } from './totals.ts'
export { crosses } from './watches.ts'
export { days, hopping, rolling, sessions, tumbling } from './window.ts'
export { wishlist } from './wishlist.ts'

const featuresMax = 200
const dedupeLastMax = 1_000

/** Throws the definition's error: what is wrong, and how to write it. */
type Fail = (problem: string, remedy: string) => never

/**
 * Checks a definition once and compiles it. Throws a `JobError` with code `bad_definition` that names the
 * job, the feature, what is wrong, and how to write it.
 */
export function defineJob(definition: JobDefinition): Job<JobState> {
  const fail: Fail = (problem, remedy) => {
    throw new JobError('bad_definition', `job ${show(definition?.name)}: ${problem}; ${remedy}`)
  }
  const { features, segments, triggers } = checkNames(definition, fail)
  const { name, input, idle = 'wall-clock', decay = 'time', stateBytesMax = 65_536 } = definition
  const { identity = false } = definition
  if (typeof identity !== 'boolean')
    fail(`identity is ${show(identity)}`, 'write identity: true, or leave it out')
  if (idle !== 'wall-clock' && idle !== 'hold')
    fail(`idle is ${show(idle)}`, "write 'wall-clock' or 'hold'")
  if (decay !== 'time' && decay !== 'event')
    fail(`decay is ${show(decay)}`, "write 'time' or 'event'")
  if (!isWhole(stateBytesMax, 1_024, 900_000))
    fail(
      `stateBytesMax is ${show(stateBytesMax)}`,
      'write bytes, 1024 to 900000: a record of the changelog must hold them',
    )

  const outOfOrdernessMs = duration('outOfOrderness', definition.outOfOrderness ?? '30s', fail)
  const latenessMs = duration('lateness', definition.lateness ?? '1d', fail)
  const settings = {
    ...{ name, input, idle, outOfOrdernessMs, latenessMs },
    dedupe: dedupe(definition.dedupe, fail),
    stateBytesMax,
  }
  const latestMs = outOfOrdernessMs + latenessMs
  const { schemas } = definition
  const sources = checkTables(definition.tables, fail)
  const check = schemas && compileSchemas(schemas, fail)
  const meaning = {
    ...{ ...settings, decay, features: written(features), triggers: written(triggers) },
    ...(segments.length > 0 && { segments: written(segments) }),
    ...(schemas && { schemas }),
    ...(definition.tables && { tables: Object.keys(sources).sort() }),
    ...(identity && { identity }),
  }
  const build = (hash: string, tables: Tables): Job<JobState> => {
    const words = { jobName: name, features, segments, triggers, latestMs, tables }
    const job = assemble(words, { ...settings, hash, ...(check && { check }) }, decay, identity)
    return {
      ...job,
      featureIds: Object.fromEntries(features.map(([one, word]) => [one, featureId(one, word)])),
      only(one) {
        const alone = { ...words, features: features.filter(([other]) => other === one) }
        const none = { ...alone, segments: [], triggers: [] }
        return assemble(none, { ...settings, hash: `${hash} ${one}` }, decay, false)
      },
    }
  }
  const hash = hashOf(meaning)
  const bind = (tables: Tables) => build(hashWithTables(hash, sources, tables), tables)
  const unbound = build(hash, unreadTables(sources))
  return definition.tables ? { ...unbound, tables: { sources, bind } } : unbound
}

function assemble(
  words: Words,
  settings: Settings,
  decay: 'time' | 'event',
  identity: boolean,
): Job<JobState> {
  const compiled = compile(words)
  const { layout } = compiled
  const places = identity ? identityPlaces(layout) : undefined
  const { settle, ...does } = behaviour(compiled, decay)
  const base = {
    ...settings,
    create: () => layout.create(),
    merge: (into: JobState, from: JobState) => layout.merge(into, from),
    ...stateForm(layout),
    ...does,
  }
  const job = { ...base, absorb: absorbMerges({ ...base, settle }) }
  if (places === undefined) return job
  return { ...job, rekeys: [settings.input], ...withIdentity(job, places) }
}

type Settings = Pick<
  Job,
  | 'name'
  | 'input'
  | 'hash'
  | 'idle'
  | 'outOfOrdernessMs'
  | 'latenessMs'
  | 'dedupe'
  | 'stateBytesMax'
  | 'check'
>

/** What the author wrote, without the code that stands behind it. */
function written(words: readonly (readonly [string, Feature | TriggerRule])[]) {
  return Object.fromEntries(words.map(([name, { kind, options }]) => [name, { kind, options }]))
}

function hashOf(meaning: object): string {
  return shortHash(definitionText(meaning), 16)
}

function checkNames(definition: JobDefinition, fail: Fail) {
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

function dedupe(given: JobDefinition['dedupe'], fail: Fail): Job['dedupe'] {
  if (given === false) return { last: 0, withinMs: 0 }
  const { last = 50, within = '3d', ...rest } = given ?? {}
  for (const option of Object.keys(rest))
    fail(`dedupe has an unknown option "${option}"`, 'its options are last and within')
  if (!isWhole(last, 1, dedupeLastMax))
    fail(
      `dedupe.last is ${show(last)}`,
      `write 1 to ${dedupeLastMax} (each takes about 14 bytes of a user's state), or dedupe: false`,
    )
  return { last, withinMs: duration('dedupe.within', within, fail) }
}

function duration(option: string, text: string, fail: Fail): number {
  return parseDuration(text) ?? fail(`${option} is ${show(text)}`, `write ${durationForm}`)
}

function isMatch(value: unknown, pattern: RegExp): boolean {
  return typeof value === 'string' && pattern.test(value)
}

function show(value: unknown): string {
  return String(JSON.stringify(value)).slice(0, 100)
}
