import { inspect } from 'node:util'
import { type Event, plainEvent } from './event.ts'
import type { Scope } from './feature.ts'
import { JobError } from './job.ts'
import type { EventFunction } from './table.ts'

/** Which events a feature is about. */
export interface Selection {
  /** Names of `track` events, such as 'Order Completed'. Left out: every event of the user, of any type. */
  readonly of?: string | readonly string[]
  /** Takes only events for which it answers true, and not false. */
  readonly where?: EventFunction<boolean>
  /**
   * A category of consent: only events that say yes to it (`context.consent.categoryPreferences`) reach the
   * feature, and one that says no clears it.
   */
  readonly purpose?: string
}

/**
 * A dotted path in the event's properties, or a pure function of the event. An event that lacks the
 * path (undefined, null or '') is refused, and goes to `<job>.dead`, unless `optional`; a function says
 * with `undefined` that the event has nothing for this feature.
 */
export interface Valued {
  readonly value: string | EventFunction<unknown>
  /** The feature passes over events without the value. */
  readonly optional?: boolean
}

const valueMax = 1e15
const textLengthMax = 256

export function checkOptions(scope: Scope, options: object, known: readonly string[]): void {
  for (const name of Object.keys(options))
    if (!known.includes(name))
      scope.fail(`unknown option "${name}"`, `its options are ${known.join(', ')}`)
}

/** The names in `of`, `minus` and the like; `undefined` where left out. */
export function eventNames(
  scope: Scope,
  option: string,
  given: unknown,
): readonly string[] | undefined {
  if (given === undefined) return undefined
  const names: unknown[] = Array.isArray(given) ? given : [given]
  const good = names.filter((name): name is string => typeof name === 'string' && name !== '')
  if (good.length === 0 || good.length < names.length || new Set(good).size < good.length)
    scope.fail(
      `${option} is ${JSON.stringify(given)}`,
      `write the name of an event, or a list of different names: ${option}: 'Order Completed'`,
    )
  return good
}

/** Answers whether the event is one that the feature takes. */
export function predicate(scope: Scope, where: Selection['where']): (event: Event) => boolean {
  if (where === undefined) return () => true
  if (typeof where !== 'function')
    scope.fail(
      `where is ${JSON.stringify(where)}`,
      'write a function: where: event => event.properties.price !== 0',
    )
  return event => {
    let answer: unknown
    try {
      answer = where(plainEvent(event), scope.tables)
    } catch (error) {
      throw thrown(scope.name, 'where', error)
    }
    if (typeof answer === 'boolean') return answer
    throw new JobError(
      'bad_where',
      `feature "${scope.name}": expected its where function to answer true or false; found ${show(answer)}`,
    )
  }
}

/** `option`: the name that `value` has in the definition. */
export function numberReader(
  scope: Scope,
  options: Valued,
  option = 'value',
): (event: Event) => number | undefined {
  const find = finder(scope, options, option)
  const wanted = `a number between -1e15 and 1e15${options.optional === true ? '' : ', in every event that it takes'}`
  return event => {
    const found = find(event)
    if (typeof found === 'number' && found >= -valueMax && found <= valueMax) return found
    if (found === undefined) return undefined
    throw badValue(scope.name, options, wanted, found)
  }
}

/** Numbers become their decimal text. */
export function textReader(
  scope: Scope,
  options: Valued,
  option = 'value',
): (event: Event) => string | undefined {
  const find = finder(scope, options, option)
  const wanted = `a text of at most ${textLengthMax} characters, or a number`
  return event => {
    const found = find(event)
    if (typeof found === 'string' && found.length <= textLengthMax) return found
    if (typeof found === 'number' && Number.isFinite(found)) return String(found)
    if (found === undefined) return undefined
    throw badValue(scope.name, options, wanted, found)
  }
}

/** A text of at most 256 characters, a number or a boolean, as it is. */
export function scalarReader(
  scope: Scope,
  options: Valued,
): (event: Event) => string | number | boolean | undefined {
  const find = finder(scope, options, 'value')
  const wanted = `a text of at most ${textLengthMax} characters, a number or a boolean`
  return event => {
    const found = find(event)
    if (typeof found === 'string' && found.length <= textLengthMax) return found
    if (typeof found === 'number' && Number.isFinite(found)) return found
    if (typeof found === 'boolean' || found === undefined) return found
    throw badValue(scope.name, options, wanted, found)
  }
}

/** `undefined`: pass over the event. */
function finder(scope: Scope, options: Valued, option: string): (event: Event) => unknown {
  const { value, optional } = options
  if (optional !== undefined && typeof optional !== 'boolean')
    scope.fail(`optional is ${JSON.stringify(optional)}`, 'write optional: true, or leave it out')
  if (typeof value === 'function')
    return event => {
      try {
        return value(plainEvent(event), scope.tables)
      } catch (error) {
        throw thrown(scope.name, 'value', error)
      }
    }
  if (typeof value !== 'string' || !/^[^.]+(\.[^.]+)*$/.test(value))
    scope.fail(
      `${option} is ${JSON.stringify(value)}`,
      `write a path in the event's properties, or a function: ${option}: 'price', or ${option}: event => …`,
    )
  const find = pathFinder(value)
  return event => {
    const found = find(event)
    if (found !== undefined && found !== null && found !== '') return found
    if (optional === true) return undefined
    throw badValue(scope.name, options, 'a value', found)
  }
}

function pathFinder(path: string): (event: Event) => unknown {
  const names = path.split('.')
  const [only] = names
  if (names.length === 1 && only !== undefined) return event => event.properties[only]
  return event => {
    let found: unknown = event.properties
    for (const name of names) {
      if (typeof found !== 'object' || found === null) return undefined
      found = (found as Record<string, unknown>)[name]
    }
    return found
  }
}

function badValue(name: string, options: Valued, wanted: string, found: unknown): JobError {
  const where =
    typeof options.value === 'string' ? `properties.${options.value}` : 'its value function'
  return new JobError(
    'bad_value',
    `feature "${name}": expected ${wanted} at ${where}; found ${show(found)}`,
  )
}

/** Of any value, also of one that JSON cannot say. */
function show(found: unknown): string {
  if (found === undefined) return 'nothing'
  return `${typeof found} ${inspect(found, { depth: 1, breakLength: Infinity }).slice(0, 80)}`
}

function thrown(name: string, option: string, error: unknown): JobError {
  const reason = error instanceof Error ? error.message : String(error)
  return new JobError(
    `${option}_threw`,
    `feature "${name}": its ${option} function threw: ${reason.slice(0, 200)}`,
    error,
  )
}

export function isWhole(value: unknown, min: number, max: number): value is number {
  return Number.isInteger(value) && (value as number) >= min && (value as number) <= max
}
