import type { FastifyRequest } from 'fastify'
import { Problem } from '../http/problem.ts'
import type { Desk } from './desk.ts'
import { userIdOf } from './ids.ts'
import * as schemas from './schemas.ts'
import { edgeHeaders, segmentTag } from './surrogate.ts'

const LIMIT = 100
const LIMIT_MAX = 1_000
const NAME_CHARS_MAX = 200

/**
 * `GET /v1/segments/:name/users?after=&limit=`: who is in a segment, in order of their ids, a page at a time; `next`
 * is the `after` of the next page, and missing on the last one. Who entered within the last second may be missing;
 * who is in no row any more, or has left, is not listed. A segment that nobody is in, or that no job has, is empty.
 */
export function addSegmentRoutes({ app, features, readers, audit, edgeSeconds }: Desk): void {
  app.get('/v1/segments/:name/users', { schema }, async (request: SegmentRequest, reply) => {
    const key = await readers.keyOf(request)
    const { name } = request.params
    if (name.length > NAME_CHARS_MAX || name.includes('\0')) {
      const detail = `a segment's name has at most ${NAME_CHARS_MAX} characters and no NUL`
      throw new Problem(400, 'bad_segment', detail)
    }
    const { after, limit } = request.query
    const start = after === undefined ? undefined : userIdOf(after)
    const { users, more } = await features.members(name, start, limitOf(limit))
    const rows = await features.findAll(users)
    const present = users.filter((_, at) => isIn(rows[at]?.json, name))
    if (present.length > 0) audit.read(request, { by: key.name, users: present, fields: [] })
    const last = users.at(-1)
    reply.headers(edgeHeaders(edgeSeconds, () => [segmentTag(name)]))
    return { segment: name, users: present, ...(more && last !== undefined && { next: last }) }
  })
}

type SegmentRequest = FastifyRequest<{
  Params: { name: string }
  Querystring: { after?: string | string[]; limit?: string | string[] }
}>

const schema = {
  summary: 'Who is in a segment',
  tags: ['segments'],
  params: {
    type: 'object',
    properties: { name: { type: 'string', minLength: 1, maxLength: NAME_CHARS_MAX } },
  },
  querystring: {
    type: 'object',
    properties: {
      after: { ...schemas.userId, description: '`next` of the page before' },
      limit: { type: 'integer', minimum: 1, maximum: LIMIT_MAX, default: LIMIT },
    },
  },
  response: {
    200: {
      type: 'object',
      required: ['segment', 'users'],
      properties: {
        segment: { type: 'string' },
        users: { type: 'array', items: schemas.userId },
        next: {
          ...schemas.userId,
          description: '`after` of the next page; missing on the last one',
        },
      },
    },
    ...schemas.problems(400, 401, 403, 429),
  },
} as const

function limitOf(sent: string | string[] | undefined): number {
  if (sent === undefined) return LIMIT
  const limit = typeof sent === 'string' && /^\d{1,6}$/.test(sent) ? Number(sent) : 0
  if (limit >= 1 && limit <= LIMIT_MAX) return limit
  throw new Problem(400, 'bad_limit', `limit is a whole number from 1 to ${LIMIT_MAX}`)
}

function isIn(json: string | undefined, segment: string): boolean {
  if (json === undefined) return false
  return (JSON.parse(json) as { segments: unknown[] }).segments.includes(segment)
}
