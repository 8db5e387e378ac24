import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { Problem } from '../http/problem.ts'
import type { Telemetry } from '../runtime/telemetry.ts'
import type { Audit } from './audit.ts'
import { etagOf, namesTag } from './etag.ts'
import { fieldsOf, onlyFields, readable } from './fields.ts'
import { userIdOf } from './ids.ts'
import type { Readers } from './readers.ts'
import { contentOf, type Row } from './row.ts'
import * as schemas from './schemas.ts'
import { notCaughtUp, type Standing } from './standing.ts'
import { edgeHeaders, segmentTag, userTag } from './surrogate.ts'
import type { Rows } from './topic-view.ts'

/**
 * `GET /v1/users/:id/features` answers a user's row with `source` and `ageMs` (see `Standing`), which are also
 * in the headers `millrace-source` and `millrace-age-ms`, for answers without a body. `?fields=a,b` leaves only
 * those features. 304 where If-None-Match names the row's version; 404 for a user without a row; 503 while
 * nobody can know whether there is one, since the topic was never read to its end.
 */
export function addFeatureRoutes({
  app,
  features: rows,
  readers,
  edgeSeconds,
  audit,
  telemetry,
}: {
  readonly app: FastifyInstance
  readonly features: Pick<Rows, 'atHand' | 'find' | 'standingOf' | 'standingOfAbsence'>
  readonly readers: Readers
  readonly edgeSeconds: number
  readonly audit: Audit
  readonly telemetry: Telemetry
}): void {
  app.get('/v1/users/:id/features', { schema }, async (request: FeatureRequest, reply) => {
    const key = await readers.keyOf(request)
    const id = userIdOf(request.params.id)
    const fields = readable(fieldsOf(request.query.fields), key)
    audit.read(request, { by: key.name, users: [id], fields })
    const row = rows.atHand(id) ?? (await rows.find(id))
    if (row === undefined) throw absence(id, rows.standingOfAbsence())

    const standing = rows.standingOf(row)
    telemetry.record('millrace_answer_age_ms', standing.ageMs, { source: standing.source })
    const etag = etagOf(row.version, fields)
    reply.headers({ etag, 'cache-control': 'private, no-cache', ...headersOf(standing) })
    reply.headers(edgeHeaders(edgeSeconds, () => tagsOf(id, row)))
    const known = request.headers['if-none-match']
    if (known !== undefined && namesTag(known, etag)) return reply.code(304).send()
    return sendRow(reply, onlyFields(fields, row.json), standing)
  })
}

const schema = {
  summary: "A user's features",
  tags: ['users'],
  params: { type: 'object', properties: { id: schemas.userId } },
  querystring: { type: 'object', properties: { fields: schemas.fields } },
  response: {
    200: schemas.row,
    304: { type: 'null', description: 'The row has the version that If-None-Match names' },
    ...schemas.problems(400, 401, 403, 404, 429, 503),
  },
} as const

type FeatureRequest = FastifyRequest<{
  Params: { id: string }
  Querystring: { fields?: string | string[] }
}>

/** The row is JSON already; parsing it to add two fields would cost more than all the rest of the answer. */
function sendRow(reply: FastifyReply, json: string, { source, ageMs }: Standing): FastifyReply {
  reply.header('content-type', 'application/json; charset=utf-8')
  return reply.send(`${json.slice(0, -1)},"source":"${source}","ageMs":${ageMs}}`)
}

function tagsOf(id: string, row: Row): string[] {
  const { segments } = contentOf(row)
  const names = segments.filter(each => typeof each === 'string')
  return [userTag(id), ...names.map(segmentTag)]
}

function absence(id: string, standing: Standing | undefined): Problem {
  if (standing === undefined) return notCaughtUp()
  const detail = `no features are known of user ${JSON.stringify(id)}`
  return new Problem(404, 'unknown_user', detail, headersOf(standing))
}

function headersOf({ source, ageMs }: Standing): Record<string, string> {
  return { 'millrace-source': source, 'millrace-age-ms': String(ageMs) }
}
