import { behaviour } from './behaviour.ts'
import { checkTables, hashWithTables, unreadTables } from './bind-tables.ts'
import { compile, type Words } from './compile.ts'
import { featureId } from './compile-scope.ts'
import { definitionText, shortHash } from './definition-text.ts'
import { checkWords, show } from './definition-words.ts'
import { durationForm, parseDuration } from './duration.ts'
import type { Feature, TriggerRule } from './feature.ts'
import { absorbMerges, identityPlaces, withIdentity } from './identity.ts'
import { type Job, JobError } from './job.ts'
import type { JobDefinition } from './job-definition.ts'
import type { JobState } from './layout.ts'
import { compileSchemas } from './schemas.ts'
import { isWhole } from './selection.ts'
import { stateForm } from './state-form.ts'
import type { Fail, Tables } from './table.ts'

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
export { pairs } from './paired.ts'
export { percentile } from './percentile.ts'
export { process } from './process.ts'
export { rekey } from './rekey.ts'
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

const dedupeLastMax = 1_000

/**
 * Checks a definition once and compiles it. Throws a `JobError` with code `bad_definition` that names the
 * job, the feature, what is wrong, and how to write it.
 */
export function defineJob(definition: JobDefinition): Job<JobState> {
  const fail: Fail = (problem, remedy) => {
    throw new JobError('bad_definition', `job ${show(definition?.name)}: ${problem}; ${remedy}`)
  }
  const { features, segments, triggers } = checkWords(definition, fail)
  const { name, input, idle = 'wall-clock', decay = 'time', stateBytesMax = 65_536 } = definition
  const { identity = false, emit = 'commit' } = definition
  if (typeof identity !== 'boolean')
    fail(`identity is ${show(identity)}`, 'write identity: true, or leave it out')
  if (idle !== 'wall-clock' && idle !== 'hold')
    fail(`idle is ${show(idle)}`, "write 'wall-clock' or 'hold'")
  if (decay !== 'time' && decay !== 'event')
    fail(`decay is ${show(decay)}`, "write 'time' or 'event'")
  if (emit !== 'commit' && emit !== 'every')
    fail(`emit is ${show(emit)}`, "write 'commit' or 'every'")
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
  const options = { ...(check && { check }), ...(emit === 'every' && { emit }) }
  const build = (hash: string, tables: Tables): Job<JobState> => {
    const words = { jobName: name, input, identity, features, segments, triggers, latestMs, tables }
    const job = assemble(words, { ...settings, hash, ...options }, decay, identity)
    return {
      ...job,
      definition,
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
  const { rekeys } = compiled
  if (places === undefined) return rekeys.length === 0 ? job : { ...job, rekeys }
  return { ...job, rekeys: [settings.input], ...withIdentity(job, places) }
}

type Settings = Pick<
  Job,
  | 'name'
  | 'input'
  | 'hash'
  | 'idle'
  | 'emit'
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

function dedupe(given: JobDefinition['dedupe'], fail: Fail): Job['dedupe'] {
  if (given === false) return { last: 0, withinMs: 0 }
  const { last = 50, within = '3d', ...rest } = given ?? {}
  for (const option of Object.keys(rest))
    fail(`dedupe has an unknown option "${option}"`, 'its options are last and within')
  if (!isWhole(last, 1, dedupeLastMax))
    fail(
      `dedupe.last is ${show(last)}`,
      `write 1 to ${dedupeLastMax} (each takes about 11 bytes of a user's state), or dedupe: false`,
    )
  return { last, withinMs: duration('dedupe.within', within, fail) }
}

function duration(option: string, text: string, fail: Fail): number {
  return parseDuration(text) ?? fail(`${option} is ${show(text)}`, `write ${durationForm}`)
}
