import type { FastifyReply, FastifyRequest } from 'fastify'
import { Problem } from '../http/problem.ts'
import { parseBody, rawBody, readBody } from './body.ts'
import type { Door } from './door.ts'
import { isObject, kindOf } from './fault.ts'
import type { Guard } from './guard.ts'
import type { Arrival, Rejected, Source, Taken } from './intake.ts'
import { jsonEventOf, jsonEventsOf } from './json-events.ts'

export interface SegmentOptions {
  /** Of a request's body, unpacked. */
  readonly batchBytesMax: number
  /** Whether the sender's address goes into events that name none. */
  readonly keepIp: boolean
}

export const BATCH_BYTES_MAX = 500 * 1024
/** In one request: a batch that is full of the smallest events there are is still answered soon. */
export const EVENTS_MAX = 5_000
const REJECTED_TOLD_MAX = 20
/** What a batch's context comes to in all of its events: one request must not grow by it to what no memory holds. */
const SHARED_CHARS_MAX = 16_000_000
const success = '{"success":true}'

/** What is posted where; the short names are those of the browser SDK. */
const paths: Readonly<Record<string, string | undefined>> = {
  ...{ track: 'track', t: 'track', identify: 'identify', i: 'identify', page: 'page', p: 'page' },
  ...{ screen: 'screen', s: 'screen', group: 'group', g: 'group', alias: 'alias', a: 'alias' },
  ...{ batch: undefined, b: undefined, import: undefined },
}

/**
 * Segment's HTTP API (https://segment.com/docs/connections/sources/catalog/libraries/server/http-api/). Each path takes
 * one event, an array of them, or a batch; an event's own type wins over that of the path. Answers 200 once all
 * are safe, also where some of them are on `events.rejected`; the body then says which.
 */
export function addSegmentRoutes(door: Door, options: SegmentOptions): void {
  for (const [path, type] of Object.entries(paths)) {
    door.app.post(`/v1/${path}`, (request, reply) => take(door, options, type, request, reply))
  }
  // The browser SDK's figures about itself.
  door.app.post('/v1/m', async (_request, reply) => reply.type(json).send(success))
}

const json = 'application/json; charset=utf-8'

/** Hot path: an event alone, or a plain batch, waits for nothing but to be safe. */
function take(
  door: Door,
  options: SegmentOptions,
  type: string | undefined,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<string> {
  const receivedAt = door.clock.now()
  door.telemetry.record('millrace_collect_body_bytes', rawBody(request).length)
  const bytes = readBody(request, options.batchBytesMax)
  const sender = {
    receivedAt,
    ...(options.keepIp && { ip: request.ip }),
    userAgent: request.headers['user-agent'],
  }
  reply.type(json)
  const unread = type === undefined ? jsonEventsOf(bytes) : jsonEventOf(bytes, type)
  if (unread === undefined) return takeParsed(door, type, request, { bytes, sender })
  const takeUnread = (known: Source | Problem) => {
    const taken =
      known instanceof Problem
        ? undefined
        : door.intake.takeJson(unread, { source: known, sentAt: unread.sentAt, ...sender })
    if (taken !== undefined) return taken.then(answerOf)
    return takeParsed(door, type, request, { bytes, sender, known, key: unread.writeKey })
  }
  const known = admitted(door.guard, request, unread.writeKey)
  return known instanceof Promise ? known.then(takeUnread) : takeUnread(known)
}

interface Parsing {
  readonly bytes: Buffer
  readonly sender: Omit<Arrival, 'source' | 'sentAt'>
  /** Whose key the request brings, where it is this one. */
  readonly known?: Source | Problem
  readonly key?: string | undefined
}

async function takeParsed(
  { intake, guard }: Door,
  type: string | undefined,
  request: FastifyRequest,
  { bytes, sender, known, key }: Parsing,
): Promise<string> {
  const body = parseBody(bytes)
  const events = eventsOf(body, type)
  const keyInBody = writeKeyOf(body)
  const source =
    known !== undefined && keyInBody === key ? known : await guard.sourceOf(request, keyInBody)
  if (source instanceof Problem) throw source
  const sentAt = isObject(body) ? body.sentAt : undefined
  return answerOf(await intake.take(events, { source, sentAt, ...sender }))
}

/** Or why it may not: that is told only once all of the body has been read, which may say another key later. */
function admitted(
  guard: Guard,
  request: FastifyRequest,
  key: string | undefined,
): Source | Problem | Promise<Source | Problem> {
  try {
    const source = guard.sourceOf(request, key)
    return source instanceof Promise ? source.catch(problemOf) : source
  } catch (error) {
    return problemOf(error)
  }
}

function problemOf(error: unknown): Problem {
  if (error instanceof Problem) return error
  throw error
}

/** The events of a body: of a batch, of an array, or the one that it is. Throws a `Problem` where there is none. */
function eventsOf(body: unknown, type: string | undefined): unknown[] {
  const events = listOf(body, type === undefined)
  if (events.length > EVENTS_MAX) {
    const detail = `a batch has at most ${EVENTS_MAX} events, this one has ${events.length}`
    throw new Problem(413, 'too_many_events', detail)
  }
  const shared = isObject(body) && isObject(body.context) && events[0] !== body && body.context
  if (shared) checkShared(shared, events.length)
  for (const event of events) {
    if (!isObject(event)) continue
    if (type !== undefined) event.type ??= type
    if (shared && (event.context == null || isObject(event.context)))
      event.context = { ...shared, ...event.context }
  }
  return events
}

function checkShared(context: object, times: number): void {
  const chars = JSON.stringify(context).length
  if (chars * times <= SHARED_CHARS_MAX) return
  const most = Math.floor(SHARED_CHARS_MAX / times)
  const detail = `the context of a batch of ${times} events has at most ${most} characters, this one has ${chars}`
  throw new Problem(413, 'context_too_large', detail)
}

function listOf(body: unknown, batched: boolean): unknown[] {
  if (Array.isArray(body)) return body
  if (isObject(body)) {
    if (Array.isArray(body.batch)) return body.batch
    if (body.batch == null && (!batched || body.type !== undefined)) return [body]
    const detail = `batch: expected an array of events, got ${kindOf(body.batch)}`
    throw new Problem(400, 'no_batch', detail)
  }
  throw new Problem(
    400,
    'no_events',
    `expected an event, or a batch of events, got ${kindOf(body)}`,
  )
}

function writeKeyOf(body: unknown): string | undefined {
  const holder = Array.isArray(body) ? body[0] : body
  const key = isObject(holder) ? holder.writeKey : undefined
  return typeof key === 'string' ? key : undefined
}

function answerOf({ accepted, rejected }: Taken): string {
  if (rejected.length === 0) return success
  const told: readonly Rejected[] = rejected.slice(0, REJECTED_TOLD_MAX)
  return JSON.stringify({ success: true, accepted, rejected: told, rejectedCount: rejected.length })
}
