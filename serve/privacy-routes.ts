import { randomUUID } from 'node:crypto'
import { Readable } from 'node:stream'
import type { FastifyRequest } from 'fastify'
import { Problem } from '../http/problem.ts'
import { readAudit } from './audit-reader.ts'
import type { Desk } from './desk.ts'
import { NotWritten } from './event-writer.ts'
import { userIdOf } from './ids.ts'
import * as schemas from './schemas.ts'
import type { Rows } from './topic-view.ts'

/** Scans of the audit log at a time; each reads from the disk as fast as its answer is taken. */
const SCANS_MAX = 2

/**
 * What one has to do for a person, by a key with the action `admin`:
 *
 * - `DELETE /v1/users/:id` erases: 202 once the brokers have the event, with a receipt that names each place and when
 *   it is empty. Asked again it erases again, which does no harm.
 * - `GET /v1/users/:id/export` is all that the views know of him.
 * - `GET /v1/audit?user=&since=&until=` is who read what of whom, a JSON object a line, oldest first.
 */
export function addPrivacyRoutes(desk: Desk): void {
  addErasure(desk)
  addExport(desk)
  addAuditRoute(desk)
}

function addErasure({ app, readers, events, erasurePlaces, clock }: Desk): void {
  app.delete('/v1/users/:id', { schema: erasureSchema }, async (request: UserRequest, reply) => {
    await readers.adminKeyOf(request)
    const userId = properId(request.params.id)
    const messageId = `erasure:${randomUUID()}`
    try {
      // First the places: a receipt that cannot be made is told before anything has happened.
      const places = await erasurePlaces(clock.now())
      await events.write({ messageId, type: 'delete', userId })
      const acceptedAt = new Date(clock.now()).toISOString()
      reply.header('cache-control', 'no-store')
      return reply.code(202).send({ erasure: messageId, user: userId, acceptedAt, places })
    } catch (error) {
      if (!(error instanceof NotWritten)) throw error
      const detail = 'the brokers do not answer, so nobody knows whether it is erased: ask again'
      throw new Problem(503, 'not_written', detail, { 'retry-after': '5' })
    }
  })
}

function addExport({ app, readers, audit, features, pairs, clock }: Desk): void {
  app.get('/v1/users/:id/export', { schema: exportSchema }, async (request: UserRequest, reply) => {
    const key = await readers.adminKeyOf(request)
    const user = properId(request.params.id)
    audit.read(request, { by: key.name, users: [user] })
    const [row, bought] = await Promise.all([rowOf(features, user), pairs && rowOf(pairs, user)])
    if (row === undefined && bought === undefined) {
      const detail = 'the views know nothing of this user: millrace export looks in the topics, too'
      throw new Problem(404, 'unknown_user', detail)
    }
    reply.header('cache-control', 'no-store')
    const exportedAt = new Date(clock.now()).toISOString()
    const views = { features: row ?? null, ...(pairs && { pairs: bought ?? null }) }
    return { user, exportedAt, views }
  })
}

function addAuditRoute({ app, readers, auditLog, clock }: Desk): void {
  let scans = 0
  app.get('/v1/audit', { schema: auditSchema }, async (request: AuditRequest, reply) => {
    await readers.adminKeyOf(request)
    if (auditLog === undefined)
      throw new Problem(404, 'no_audit_log', 'this server keeps no log of reads: see --audit-days')
    const { user } = request.query
    const since = timeOf('since', request.query.since)
    const until = timeOf('until', request.query.until) ?? clock.now()
    const names = user === undefined ? undefined : auditLog.namesOf(userIdOf(user))
    if (scans >= SCANS_MAX)
      throw new Problem(503, 'busy', `${SCANS_MAX} others read the log now`, { 'retry-after': '5' })
    scans++
    await auditLog.flush()
    const query = { until, ...(names && { names }), ...(since !== undefined && { since }) }
    const lines = Readable.from(textOf(readAudit(auditLog.folder, query)))
    lines.once('close', () => scans--)
    reply.headers({ 'content-type': 'application/x-ndjson', 'cache-control': 'no-store' })
    return reply.send(lines)
  })
}

async function* textOf(lines: AsyncIterable<unknown>): AsyncGenerator<string> {
  for await (const line of lines) yield `${JSON.stringify(line)}\n`
}

async function rowOf(rows: Pick<Rows, 'find' | 'standingOf'>, user: string) {
  const row = await rows.find(user)
  return row && { ...(JSON.parse(row.json) as object), ...rows.standingOf(row) }
}

/** Jobs take no other; an erasure of such a one would be accepted here, and be nobody's there. */
function properId(sent: string): string {
  const id = userIdOf(sent)
  if (id !== '' && id.charCodeAt(0) !== 0 && id.isWellFormed()) return id
  throw new Problem(400, 'bad_id', 'a user id is a text of 1 to 1,024 characters')
}

function timeOf(name: string, sent: string | string[] | undefined): number | undefined {
  if (sent === undefined) return undefined
  const ms = typeof sent === 'string' ? Date.parse(sent) : Number.NaN
  if (Number.isFinite(ms)) return ms
  throw new Problem(400, 'bad_time', `${name} is a date or a time, such as 2026-11-22`)
}

type UserRequest = FastifyRequest<{ Params: { id: string } }>
type AuditRequest = FastifyRequest<{
  Querystring: Partial<Record<'user' | 'since' | 'until', string | string[]>>
}>

const params = { type: 'object', properties: { id: schemas.userId } } as const
const erasureSchema = {
  summary: 'Erase a person',
  tags: ['privacy'],
  params,
  response: { 202: schemas.receipt, ...schemas.problems(400, 401, 403, 429, 503) },
} as const
const exportSchema = {
  summary: 'All that the views know of a person',
  tags: ['privacy'],
  params,
  response: { 200: schemas.exported, ...schemas.problems(400, 401, 403, 404, 429) },
} as const
const time = { type: 'string', description: 'ISO 8601' } as const
const auditSchema = {
  summary: 'Who read what of whom, a JSON object a line',
  tags: ['privacy'],
  querystring: {
    type: 'object',
    properties: { user: schemas.userId, since: time, until: time },
  },
  produces: ['application/x-ndjson'],
} as const
