import { shortHash } from './definition-text.ts'
import { durationForm, parseDuration } from './duration.ts'
import { type Event, plainEvent } from './event.ts'
import type { Scope } from './feature.ts'
import { JobError } from './job.ts'
import type { RememberedBounds } from './remembered.ts'
import { isWhole, textReader, type Valued } from './selection.ts'

/** What words that send events to other keys have in common. */
export interface Rekeying {
  /** The topic of the job that is chained to this one. It must exist before the job starts. */
  readonly to: string
  /**
   * The list in the event's properties whose lines have the values, such as 'products'. Paths are then those of a
   * line, and functions get the event with the line as its properties. Left out: the event itself has the value.
   */
  readonly list?: string
}

/** The most different values of an event, and of a user's memory: they bound what one event can send. */
const keepMax = 20

/** Checks the topic that a word sends to, and that its job may send at all. */
export function targetTopic(scope: Scope, to: unknown): string {
  if (scope.identity)
    scope.fail(
      'a job with identity passes an anonymous visitor’s events on to who he is, and what came to a key from another one is never sent on again',
      'write it into a job of its own, without identity',
    )
  if (to === scope.input)
    scope.fail(`it sends to ${to}, its own input`, 'send to the input of another job')
  if (typeof to === 'string' && /^(?!\.\.?$)[a-z0-9._-]{1,249}$/i.test(to)) return to
  return scope.fail(`it sends to ${JSON.stringify(to)}`, "write the name of a topic: 'products'")
}

export function rememberedBounds(
  scope: Scope,
  { keep, within }: { readonly keep: number; readonly within: string | undefined },
): RememberedBounds {
  if (!isWhole(keep, 1, keepMax)) scope.fail(`keep is ${keep}`, `write 1 to ${keepMax}: keep: 5`)
  if (within === undefined) return { keep, withinMs: Number.POSITIVE_INFINITY }
  const withinMs = parseDuration(within)
  if (withinMs === undefined || withinMs === 0)
    return scope.fail(`within is ${JSON.stringify(within)}`, `write ${durationForm}`)
  return { keep, withinMs }
}

/** Reads a text that can be a record's key. */
export function keyReader(scope: Scope, options: Valued): (event: Event) => string | undefined {
  const read = textReader(scope, options)
  return event => {
    const key = read(event)
    if (key === undefined || (key !== '' && key.charCodeAt(0) !== 0 && key.isWellFormed()))
      return key
    throw new JobError(
      'bad_value',
      `feature "${scope.name}": expected a text that can be a key; found ${JSON.stringify(key).slice(0, 80)}`,
    )
  }
}

/** Answers the event once for each line of its list, with the line as its properties; without a list as it is. */
export function linesReader(
  scope: Scope,
  { list, optional }: { readonly list?: string; readonly optional?: boolean },
): (event: Event) => readonly Event[] {
  if (list === undefined) return event => [event]
  if (typeof list !== 'string' || list === '')
    scope.fail(`list is ${JSON.stringify(list)}`, "write a property's name: list: 'products'")
  const fail = (wanted: string, found: unknown): never => {
    const kind = found === null ? 'null' : typeof found
    throw new JobError('bad_value', `feature "${scope.name}": expected ${wanted}; found ${kind}`)
  }
  return event => {
    const lines = event.properties[list]
    if ((lines === undefined || lines === null) && optional === true) return []
    if (!Array.isArray(lines)) return fail(`a list at properties.${list}`, lines)
    return lines.map((line: unknown) => {
      if (typeof line !== 'object' || line === null)
        return fail(`an object in each line of properties.${list}`, line)
      return { ...plainEvent(event), properties: line as Event['properties'] }
    })
  }
}

/**
 * The beginning of the ids of what an event sends: another one for each feature of a job, user and event, and the
 * same whenever that is processed. A hash, so that a topic of products tells of no user. '' for an event without an id.
 */
export function idOfSending(scope: Scope, { key, messageId }: Event): string {
  if (messageId === '') return ''
  return shortHash(JSON.stringify([scope.job, scope.name, key, messageId]), 16)
}
