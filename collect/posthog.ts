import type { FastifyReply, FastifyRequest } from 'fastify'
import { Problem } from '../http/problem.ts'
import { readJson } from './body.ts'
import type { Door } from './door.ts'
import { isObject, kindOf } from './fault.ts'
import type { Taken } from './intake.ts'
import { fromPosthog } from './posthog-events.ts'
import { EVENTS_MAX, type SegmentOptions } from './segment-routes.ts'

/** Where PostHog's libraries bring events: those of servers, of browsers, and of events about models. */
const LEGACY = ['/batch', '/capture', '/e', '/i/v0/e', '/i/v0/ai/batch']
const V1 = '/i/v1/analytics/events'

/**
 * PostHog's libraries, with `host` set to `<this server>/posthog` and the write key as the project's token. Events come
 * in as Segment's; there are no feature flags and no surveys here, so what asks for them is told that there are none
 * and goes on with its defaults. What else PostHog takes (recordings, logs, traces) is answered 404.
 */
export function addPosthogRoutes(door: Door, options: SegmentOptions): void {
  const { app } = door
  for (const path of LEGACY)
    for (const slash of ['', '/'])
      app.post(`/posthog${path}${slash}`, async (request, reply) => {
        await take(door, options, request)
        return sendJson(reply, { status: 'Ok' })
      })

  app.post(`/posthog${V1}`, async (request, reply) => {
    const { events, taken } = await take(door, options, request)
    return sendJson(reply, { results: resultsOf(events, taken) })
  })

  const noFlags = { flags: {}, featureFlags: {}, featureFlagPayloads: {} }
  for (const path of ['/flags', '/flags/', '/decide', '/decide/'])
    app.post(`/posthog${path}`, (_request, reply) =>
      sendJson(reply, { ...noFlags, errorsWhileComputingFlags: false, requestId: '' }),
    )
  app.get('/posthog/flags/definitions', (_request, reply) =>
    sendJson(reply, { flags: [], group_type_mapping: {}, cohorts: {} }),
  )
  app.get('/posthog/array/:token/config', (_request, reply) =>
    sendJson(reply, { supportedCompression: ['gzip'], hasFeatureFlags: false, surveys: false }),
  )
  app.get('/posthog/api/surveys/', (_request, reply) => sendJson(reply, { surveys: [] }))
}

async function take(
  { intake, guard, clock }: Door,
  { batchBytesMax, keepIp }: SegmentOptions,
  request: FastifyRequest,
): Promise<{ readonly events: readonly unknown[]; readonly taken: Taken }> {
  const receivedAt = clock.now()
  const body = readJson(request, batchBytesMax)
  const events = eventsOf(body)
  const source = await guard.sourceOf(request, tokenOf(body, events[0]))
  const taken = await intake.take(
    events.map(event => fromPosthog(event, receivedAt, request.headers['posthog-sdk-info'])),
    {
      source,
      receivedAt,
      sentAt: isObject(body) ? (body.sent_at ?? body.created_at) : undefined,
      ...(keepIp && { ip: request.ip }),
      userAgent: request.headers['user-agent'],
    },
  )
  return { events, taken }
}

function eventsOf(body: unknown): readonly unknown[] {
  const list = isObject(body) ? (body.batch ?? [body]) : body
  if (!Array.isArray(list)) {
    const detail = `batch: expected an array of events, got ${kindOf(list)}`
    throw new Problem(400, 'no_batch', detail)
  }
  if (list.length <= EVENTS_MAX) return list
  const detail = `a batch has at most ${EVENTS_MAX} events, this one has ${list.length}`
  throw new Problem(413, 'too_many_events', detail)
}

/** Of the batch; the browser's library has it in each event's properties. */
function tokenOf(body: unknown, first: unknown): string | undefined {
  const event = isObject(first) ? first : {}
  const properties = isObject(event.properties) ? event.properties : {}
  const found = [isObject(body) ? body.api_key : undefined, event.api_key, properties.token]
  return found.find(token => typeof token === 'string')
}

/** By the events' own ids, in the words of PostHog's newer protocol: what cannot be taken is not to be sent again. */
function resultsOf(events: readonly unknown[], { rejected }: Taken): Record<string, unknown> {
  const faults = new Map(rejected.map(({ index, reason }) => [index, reason]))
  const results = new Map<string, unknown>()
  for (const [index, event] of events.entries()) {
    if (!isObject(event) || typeof event.uuid !== 'string' || event.uuid === '__proto__') continue
    const details = faults.get(index)
    results.set(event.uuid, details === undefined ? { result: 'ok' } : { result: 'drop', details })
  }
  return Object.fromEntries(results)
}

function sendJson(reply: FastifyReply, body: object): FastifyReply {
  return reply.type('application/json; charset=utf-8').send(JSON.stringify(body))
}
