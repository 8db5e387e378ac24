import { createHash } from 'node:crypto'
import type { Door } from './door.ts'
import { isObject } from './fault.ts'
import { answerTaken, readRows } from './listed.ts'
import { faultOfShape } from './shape.ts'

/** Members of a profile that are the event's own; all others are traits. */
const OWN = ['userId', 'anonymousId', 'timestamp', 'messageId', 'context', 'integrations']

/**
 * `POST /v1/profiles`: what a CRM or a script knows of people. One profile, an array, or `{ "profiles": [...] }`; at
 * most 1,000. Each becomes an `identify` event: `{ userId, traits, timestamp?, context? }`, or flat, with everything
 * that is not the event's own as a trait.
 */
export function addProfileRoutes({ app, intake, guard, clock }: Door): void {
  app.post('/v1/profiles', async (request, reply) => {
    const source = await guard.sourceOf(request)
    const profiles = readRows(request, 'profiles')
    const taken = await intake.take(profiles.map(identifyOf), { source, receivedAt: clock.now() })
    return answerTaken(reply, taken.accepted, taken.rejected)
  })
}

/**
 * `POST /v1/events`: events of any type from a machine that speaks for others, such as an import. As `/v1/batch`, but
 * the sender's address and agent are nobody's and go into no event, an event's `timestamp` stands as it is, and the
 * answer names every event that was rejected.
 */
export function addEventRoutes({ app, intake, guard, clock }: Door): void {
  app.post('/v1/events', async (request, reply) => {
    const source = await guard.sourceOf(request)
    const events = readRows(request, 'events')
    const taken = await intake.take(events.map(withItsTime), { source, receivedAt: clock.now() })
    return answerTaken(reply, taken.accepted, taken.rejected)
  })
}

/** Archives say when an event was sent, too, which was long ago and says nothing of the clock of who sends it now. */
function withItsTime(event: unknown): unknown {
  if (!isObject(event)) return event
  const { sentAt: _, originalTimestamp, ...rest } = event
  return rest.timestamp == null ? { ...rest, timestamp: originalTimestamp } : rest
}

/**
 * A profile as an `identify` event; what is no object is left for the intake to refuse. With a `timestamp` (when
 * it changed) the same profile makes the same `messageId`, so that one sent twice counts once. Without one, each
 * is an event of its own: a profile that goes back to what it was is no repeat of then.
 */
export function identifyOf(profile: unknown): unknown {
  // What is too deep or too large for the intake is so for a digest, too.
  if (!isObject(profile) || faultOfShape(profile) !== undefined) return asIdentify(profile)
  const { traits, ...members } = profile
  const event: Record<string, unknown> = { type: 'identify' }
  const flat: Record<string, unknown> = {}
  for (const [name, value] of Object.entries(members)) {
    if (OWN.includes(name)) event[name] = value
    else if (name !== 'type' || value !== 'identify') flat[name] = value
  }
  event.traits = isObject(traits) || traits == null ? { ...flat, ...traits } : traits
  if (event.messageId === undefined && event.timestamp !== undefined)
    event.messageId = `profile:${digest(event)}`
  return event
}

function asIdentify(profile: unknown): unknown {
  return isObject(profile) ? { ...profile, type: 'identify' } : profile
}

function digest(value: unknown): string {
  return createHash('sha256').update(JSON.stringify(value)).digest('base64url').slice(0, 27)
}
