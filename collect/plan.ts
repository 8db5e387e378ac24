import { BadSchema, type Check, schemaCompiler } from '../jobs/json-schema.ts'

/** `observe`: a fault is counted, and the event goes on. `enforce`: the event is rejected. */
export type PlanMode = 'observe' | 'enforce'

/** What a plan looks at, in Segment's shape; as it came, so that nothing is taken for granted. */
export interface PlannedEvent {
  readonly type: string
  readonly event?: unknown
  readonly properties?: unknown
  readonly traits?: unknown
  readonly context?: unknown
}

export interface PlanFault {
  /** Where in the event, such as `properties.price`; a name that only the event has reads `*`. */
  readonly path: string
  /** What was expected, and what kind of value came. Never the value. */
  readonly reason: string
}

/** What events may look like, by their names. */
export interface Plan {
  /** For sources that have none of their own. */
  readonly mode: PlanMode
  modeOf(source: string): PlanMode
  /**
   * What is wrong with the event: the first thing found, or nothing. An event that states a version
   * (`context.protocols.event_version`, as at Segment) is judged by that, and one that does not by the oldest:
   * clients that were written before there were versions keep fitting.
   */
  judge(event: PlannedEvent): readonly PlanFault[]
}

/** One version of one event. */
export interface PlannedSchema {
  /** Of a `track` event its own; of all events of another type that: `identify`, `group`, `page`, `screen`. */
  readonly name: string
  /** From 1. */
  readonly version: number
  /** JSON Schema, draft 2020-12 (also where it names none), 2019-09 or 07, of `properties`; of `identify` and `group` of `traits`. */
  readonly schema: unknown
}

export interface PlanRules {
  /** `observe` when left out. */
  readonly mode?: PlanMode
  /** By name of the source. */
  readonly sources?: Readonly<Record<string, PlanMode>>
  /** What a `track` event is whose name the plan does not have; `fine` when left out. */
  readonly unplanned?: 'fine' | 'fault'
}

/** A plan that cannot be used. `name` and `version` say whose schema it is. */
export class BadPlan extends Error {
  override readonly name = 'BadPlan'
  readonly code = 'bad_plan'
}

export const plannedSchemasMax = 1_000

const fits: readonly PlanFault[] = []
const unplannedFault: readonly PlanFault[] = [
  { path: 'event', reason: 'is a name that the tracking plan does not have' },
]

/** Compiles the schemas. Throws a `BadPlan`. */
export function makePlan(schemas: readonly PlannedSchema[], rules: PlanRules = {}): Plan {
  if (schemas.length > plannedSchemasMax)
    throw new BadPlan(`it has ${schemas.length} schemas, and may have ${plannedSchemasMax}`)
  const names = new Map<string, Versions>()
  const compile = schemaCompiler({ strict: true })
  for (const { name, version, schema } of schemas) {
    const versions = names.get(name) ?? new Versions()
    names.set(name, versions)
    try {
      versions.add(version, compile(schema))
    } catch (error) {
      if (!(error instanceof BadSchema)) throw error
      throw new BadPlan(`the schema of "${name}", version ${version}: ${error.message}`, {
        cause: error,
      })
    }
  }
  const { mode = 'observe', sources = {}, unplanned = 'fine' } = rules
  const modes = new Map(Object.entries(sources))
  return {
    mode,
    modeOf: source => modes.get(source) ?? mode,
    judge(event) {
      const isTrack = event.type === 'track'
      const versions = names.get(isTrack ? String(event.event) : event.type)
      if (versions !== undefined) return versions.judge(event)
      return isTrack && unplanned === 'fault' ? unplannedFault : fits
    },
  }
}

/** Those of one name. */
class Versions {
  readonly #checks = new Map<number, Check>()
  #oldest = Number.POSITIVE_INFINITY

  add(version: number, check: Check): void {
    this.#checks.set(version, check)
    this.#oldest = Math.min(this.#oldest, version)
  }

  judge(event: PlannedEvent): readonly PlanFault[] {
    const check = this.#checks.get(statedVersion(event.context) ?? this.#oldest)
    if (check === undefined) {
      const known = [...this.#checks.keys()].sort((one, other) => one - other).join(', ')
      const reason = `is a version that the tracking plan does not have of this event; it has ${known}`
      return [{ path: 'context.protocols.event_version', reason }]
    }
    const part = event.type === 'identify' || event.type === 'group' ? 'traits' : 'properties'
    const mismatch = check(event[part] ?? {})
    if (mismatch === undefined) return fits
    return [{ path: part + dotted(mismatch.path), reason: mismatch.expected }]
  }
}

/** `NaN`, which no plan has, where something is stated that is no version. */
function statedVersion(context: unknown): number | undefined {
  const stated = memberOf(memberOf(context, 'protocols'), 'event_version')
  if (stated === undefined || stated === null) return undefined
  const version = typeof stated === 'string' ? stated.trim() : stated
  return typeof version === 'number' || /^\d{1,9}$/.test(String(version))
    ? Number(version)
    : Number.NaN
}

function memberOf(value: unknown, name: string): unknown {
  if (typeof value !== 'object' || value === null || !Object.hasOwn(value, name)) return undefined
  return (value as Record<string, unknown>)[name]
}

/** A JSON Pointer as the rest of a path with dots. */
function dotted(pointer: string): string {
  return pointer.replaceAll('/', '.').replaceAll('~1', '/').replaceAll('~0', '~')
}
