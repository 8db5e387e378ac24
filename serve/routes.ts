import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { Problem } from '../http/problem.ts'
import type { Telemetry } from '../runtime/telemetry.ts'
import { etagOf, namesTag } from './etag.ts'
import { userIdOf } from './ids.ts'
import type { RowContent } from './row.ts'
import type { Standing } from './standing.ts'
import type { Rows } from './topic-view.ts'

const FIELDS_MAX = 200

/**
 * `GET /v1/users/:id/features` answers a user's row with `source` and `ageMs` (see `Standing`), which are also
 * in the headers `millrace-source` and `millrace-age-ms`, for answers without a body. `?fields=a,b` leaves only
 * those features. 304 where If-None-Match names the row's version; 404 for a user without a row; 503 while
 * nobody can know whether there is one, since the topic was never read to its end.
 */
export function addFeatureRoutes({
  app,
  features: rows,
  telemetry,
}: {
  readonly app: FastifyInstance
  readonly features: Pick<Rows, 'get' | 'standingOf' | 'standingOfAbsence'>
  readonly telemetry: Telemetry
}): void {
  app.get('/v1/users/:id/features', async (request: FeatureRequest, reply) => {
    const id = userIdOf(request.params.id)
    const fields = fieldsOf(request.query.fields)
    const row = rows.get(id)
    if (row === undefined) throw absence(id, rows.standingOfAbsence())

    const standing = rows.standingOf(row)
    telemetry.record('millrace_answer_age_ms', standing.ageMs, { source: standing.source })
    const etag = etagOf(row.version)
    reply.headers({ etag, 'cache-control': 'private, no-cache', ...headersOf(standing) })
    const known = request.headers['if-none-match']
    if (known !== undefined && namesTag(known, etag)) return reply.code(304).send()
    return sendRow(reply, fields === undefined ? row.json : only(fields, row.json), standing)
  })
}

type FeatureRequest = FastifyRequest<{
  Params: { id: string }
  Querystring: { fields?: string | string[] }
}>

/** The row is JSON already; parsing it to add two fields would cost more than all the rest of the answer. */
function sendRow(reply: FastifyReply, json: string, { source, ageMs }: Standing): FastifyReply {
  reply.header('content-type', 'application/json; charset=utf-8')
  return reply.send(`${json.slice(0, -1)},"source":"${source}","ageMs":${ageMs}}`)
}

/** `a,b`, or the parameter given several times; `undefined` when it was not. */
function fieldsOf(fields: string | string[] | undefined): ReadonlySet<string> | undefined {
  if (fields === undefined) return undefined
  const names = (typeof fields === 'string' ? [fields] : fields).flatMap(list => list.split(','))
  if (names.length > FIELDS_MAX) {
    const detail = `fields names at most ${FIELDS_MAX} features, and here it names ${names.length}`
    throw new Problem(400, 'too_many_fields', detail)
  }
  return new Set(names.map(name => name.trim()))
}

/** Features that the row has not are left out, too: which there are is the job's to say. */
function only(fields: ReadonlySet<string>, json: string): string {
  const row = JSON.parse(json) as RowContent
  const kept = Object.entries(row.features).filter(([name]) => fields.has(name))
  return JSON.stringify({ ...row, features: Object.fromEntries(kept) })
}

function absence(id: string, standing: Standing | undefined): Problem {
  if (standing === undefined) {
    const detail = 'the features are still being read from their topic: ask again in a moment'
    return new Problem(503, 'not_caught_up', detail, { 'retry-after': '1' })
  }
  const detail = `no features are known of user ${JSON.stringify(id)}`
  return new Problem(404, 'unknown_user', detail, headersOf(standing))
}

function headersOf({ source, ageMs }: Standing): Record<string, string> {
  return { 'millrace-source': source, 'millrace-age-ms': String(ageMs) }
}
