import { contextOf } from './event-context.ts'
import { eventTime, isoOf } from './event-time.ts'
import { type Fault, isObject, wrong } from './fault.ts'
import type { Arrival } from './intake.ts'
import { MESSAGE_ID_CHARS_MAX, type MessageIds } from './message-id.ts'
import { faultOfShape } from './shape.ts'

/** An event as it goes to the topic. */
export interface Normal {
  /** User id, else anonymous id. */
  readonly key: string
  readonly fields: { readonly type: string; readonly [name: string]: unknown }
}

/** What is the same for all events that came together. */
export interface Moment {
  readonly arrival: Arrival
  /** The arrival's, ISO 8601. */
  readonly receivedAt: string
  readonly ids: MessageIds
}

const types = ['track', 'identify', 'page', 'screen', 'group', 'alias']
export const ID_CHARS_MAX = 1_024
export const NAME_CHARS_MAX = 1_024

/** Fields that `normalise` writes itself, or that no reader of the topic may see. */
const own = new Set([
  ...['type', 'messageId', 'userId', 'anonymousId', 'properties', 'traits', 'context'],
  ...['timestamp', 'originalTimestamp', 'sentAt', 'receivedAt', 'writeKey', '__proto__'],
])

/**
 * An event as the jobs want it, or why it cannot be one: what they would put to their dead letters is found here,
 * where its source is still known. `raw` stays as it came where it is refused, but for halves of surrogate pairs.
 */
export function normalise(raw: unknown, moment: Moment): Normal | Fault {
  if (!isObject(raw)) return wrong('not_an_event', '', 'an object with a type and a user', raw)
  const fault = faultOfShape(raw) ?? faultOfType(raw) ?? faultOfParts(raw)
  if (fault !== undefined) return fault
  const { arrival } = moment
  if (arrival.source.requireConsent && !isObject(consentOf(raw.context))) {
    return wrong('no_consent', consentPath, 'the consent that this source asks for', undefined)
  }
  const userId = idOf(raw, 'userId')
  if (isFault(userId)) return userId
  const anonymousId = idOf(raw, beforeOf(raw))
  if (isFault(anonymousId)) return anonymousId
  const key = userId ?? anonymousId
  if (key === undefined) {
    return wrong('no_user', 'userId', 'a userId or an anonymousId', undefined)
  }
  const messageId = messageIdOf(raw, moment.ids)
  if (isFault(messageId)) return messageId
  const sentAt = raw.sentAt ?? arrival.sentAt
  // Of RudderStack's SDK `timestamp` is what its caller said, and `originalTimestamp` when it was called.
  const named =
    raw.timestamp == null && raw.originalTimestamp != null ? 'originalTimestamp' : 'timestamp'
  const time = eventTime(raw[named], sentAt, arrival.receivedAt, named)
  if (isFault(time)) return time

  const fields: { type: string; [name: string]: unknown } = { type: String(raw.type), messageId }
  if (userId !== undefined) fields.userId = userId
  if (anonymousId !== undefined) fields.anonymousId = anonymousId
  for (const name in raw) if (!own.has(name)) fields[name] = raw[name]
  fields.timestamp = isoOf(time, raw[named])
  if (raw[named] != null) fields.originalTimestamp = raw[named]
  if (sentAt != null) fields.sentAt = sentAt
  fields.receivedAt = moment.receivedAt
  if (raw.properties != null) fields.properties = raw.properties
  if (raw.traits != null) fields.traits = raw.traits
  const context = contextOf(raw.context, arrival)
  if (context !== undefined) fields.context = context
  return { key, fields }
}

export function isFault<Value>(value: Value | Fault): value is Fault {
  return typeof value === 'object' && value !== null && 'reason' in value
}

function faultOfType({ type, event, groupId }: Record<string, unknown>): Fault | undefined {
  if (typeof type !== 'string' || !types.includes(type)) {
    return { code: 'bad_type', path: 'type', reason: `expected one of ${types.join(', ')}` }
  }
  if (type === 'track' && (typeof event !== 'string' || event === '')) {
    return wrong('bad_field', 'event', 'the name of what happened', event)
  }
  if (typeof event === 'string' && event.length > NAME_CHARS_MAX) {
    return wrong('bad_field', 'event', `a name of at most ${NAME_CHARS_MAX} characters`, event)
  }
  if (type === 'group' && (groupId === undefined || groupId === null || groupId === '')) {
    return wrong('bad_field', 'groupId', 'the id of a group', groupId)
  }
  return undefined
}

function faultOfParts(raw: Record<string, unknown>): Fault | undefined {
  for (const part of ['properties', 'traits', 'context']) {
    if (raw[part] != null && !isObject(raw[part])) {
      return wrong('bad_field', part, 'an object', raw[part])
    }
  }
  if (raw.type === 'alias' && idOf(raw, beforeOf(raw)) === undefined) {
    return wrong('bad_field', 'previousId', 'the id that the user had before', raw.previousId)
  }
  return undefined
}

const consentPath = 'context.consent.categoryPreferences'

function consentOf(context: unknown): unknown {
  const consent = isObject(context) ? context.consent : undefined
  return isObject(consent) ? consent.categoryPreferences : undefined
}

/** An alias names whom it was before as `previousId`; jobs read that as its `anonymousId`. */
function beforeOf({ type, previousId }: Record<string, unknown>): 'previousId' | 'anonymousId' {
  return type === 'alias' && previousId != null && previousId !== '' ? 'previousId' : 'anonymousId'
}

/** As `runtime/decode.ts` wants a key to be; null and '' are none. */
function idOf(raw: Record<string, unknown>, name: string): string | undefined | Fault {
  const given = raw[name]
  if (given === undefined || given === null || given === '') return undefined
  const id = typeof given === 'number' ? String(given) : given
  if (typeof id !== 'string') return wrong('no_user', name, 'a string or a number', given)
  if (id.length > ID_CHARS_MAX) {
    const reason = `expected at most ${ID_CHARS_MAX} characters, got ${id.length}`
    return { code: 'no_user', path: name, reason }
  }
  // Two ids that were no UTF-8 would be one: U+FFFD is what such bytes were read as.
  if (id.charCodeAt(0) === 0 || id.includes('\ufffd')) {
    return { code: 'no_user', path: name, reason: 'expected proper text, got some that is not' }
  }
  return id
}

function messageIdOf(raw: Record<string, unknown>, ids: MessageIds): string | Fault {
  const given = raw.messageId
  if (given === undefined || given === null || given === '') return ids.of(raw)
  const id = typeof given === 'number' ? String(given) : given
  if (typeof id === 'string' && id.length <= MESSAGE_ID_CHARS_MAX) return id
  const expected = `a string of at most ${MESSAGE_ID_CHARS_MAX} characters`
  return wrong('bad_field', 'messageId', expected, given)
}
