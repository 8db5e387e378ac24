import { CompileScope, type Zones } from './compile-scope.ts'
import { withdrawal, withPurpose } from './consent.ts'
import type {
  CompiledFeature,
  Feature,
  FeatureTimer,
  Show,
  Step,
  TriggerRule,
  Watch,
} from './feature.ts'
import { Layout } from './layout.ts'
import type { Tables } from './table.ts'

export interface CompiledJob {
  readonly layout: Layout
  readonly steps: Dispatch
  /** For events later than the job's lateness. */
  readonly lateSteps: Dispatch
  /** What the row shows, in order. */
  readonly shows: readonly { readonly name: string; readonly show: Show }[]
  /** Whether one of them looks at what stands before it. */
  readonly showsOthers: boolean
  readonly timers: readonly (FeatureTimer & { readonly name: string })[]
  readonly watches: readonly Watch[]
  /** Names of segments, and where their membership stands. */
  readonly segments: readonly { readonly name: string; readonly at: number }[]
  /** Whether the state must be copied before a step, since it may throw in its middle. */
  readonly mayThrow: boolean
  /** The topics that it sends to. */
  readonly rekeys: readonly string[]
}

export interface Dispatch {
  /** The steps for each event name that a feature names: features first, then triggers. */
  readonly byEvent: ReadonlyMap<string, readonly Step[]>
  /** The steps for all other events. */
  readonly others: readonly Step[]
}

export type Named<Word> = readonly (readonly [name: string, word: Word])[]

export interface Words {
  readonly jobName: string
  readonly input: string
  readonly identity: boolean
  readonly features: Named<Feature>
  readonly segments: Named<TriggerRule>
  readonly triggers: Named<TriggerRule>
  readonly latestMs: number
  readonly tables: Tables
}

/** Gives every feature its places in the state, and sorts the steps by event name. */
export function compile(words: Words): CompiledJob {
  const layout = new Layout()
  const places = new Set<string>()
  const shows: { name: string; show: Show }[] = []
  const zones: Zones = new Map()
  const segments: { name: string; at: number }[] = []
  const one = (role: string, name: string, word: Feature | TriggerRule): Compiled => {
    const scope = new CompileScope(words, role, name, word, layout, places, shows, zones)
    const compiled = consenting(word.compile(scope), scope, word)
    if (compiled.show !== undefined) shows.push({ name, show: compiled.show })
    if (role === 'segment') segments.push({ name, at: scope.firstNumber })
    return { ...compiled, name }
  }
  const compiled = [
    ...words.features.map(([name, word]) => one('feature', name, word)),
    ...words.segments.map(([name, word]) => one('segment', name, word)),
    ...words.triggers.map(([name, word]) => one('trigger', name, word)),
  ]
  // The first of all steps, since those of the features ask for the user's zone.
  const zoneSteps = [...zones.values()].flatMap(({ bound }) => bound ?? [])
  compiled.unshift({ name: '', steps: zoneSteps })
  const timers = compiled.flatMap(({ timer, name }) => (timer ? [{ ...timer, name }] : []))
  const watches = compiled.flatMap(({ watch }) => watch ?? [])
  return {
    layout,
    steps: dispatch(compiled, false),
    lateSteps: dispatch(compiled, true),
    shows,
    showsOthers: compiled.some(({ showsOthers }) => showsOthers === true),
    timers,
    watches,
    segments,
    rekeys: [...new Set(compiled.flatMap(({ rekeys }) => rekeys ?? []))],
    mayThrow: watches.length > 0 || compiled.some(({ mayThrow }) => mayThrow === true),
  }
}

type Compiled = CompiledFeature & { readonly name: string }

function dispatch(compiled: readonly Compiled[], late: boolean): Dispatch {
  const bounds = compiled.flatMap(({ steps }) => steps ?? []).filter(one => one.takesLate || !late)
  const stepsFor = (name: string | undefined) =>
    bounds
      .filter(({ events }) => events === undefined || (name !== undefined && events.includes(name)))
      .map(({ step }) => step)
  const names = new Set(bounds.flatMap(({ events }) => events ?? []))
  return {
    byEvent: new Map([...names].map(name => [name, stepsFor(name)])),
    others: stepsFor(undefined),
  }
}

/** A feature for a purpose sees only events with consent to it, and a withdrawal makes it new. */
function consenting(
  compiled: CompiledFeature,
  scope: CompileScope,
  word: Feature | TriggerRule,
): CompiledFeature {
  const { purpose } = word.options as { purpose?: unknown }
  if (purpose === undefined) return compiled
  if (typeof purpose !== 'string' || purpose === '')
    return scope.fail(
      `purpose is ${JSON.stringify(purpose)}`,
      "write a category of the events' consent: purpose: 'Advertising'",
    )
  if (compiled.steps === undefined)
    scope.fail('it takes no events, so it has no purpose', 'give its features their purposes')
  const steps = (compiled.steps ?? []).map(bound => withPurpose(bound, purpose))
  return { ...compiled, steps: [...steps, withdrawal(purpose, state => scope.clear(state))] }
}
