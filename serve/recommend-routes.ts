import type { FastifyRequest } from 'fastify'
import { Problem } from '../http/problem.ts'
import type { Desk } from './desk.ts'
import { userIdOf } from './ids.ts'
import { contentOf } from './row.ts'
import * as schemas from './schemas.ts'
import { notCaughtUp } from './standing.ts'

const COUNT = 10
const COUNT_MAX = 24

/**
 * `GET /v1/users/:id/recommendations?count=`: what the user may like, best first, joined at this moment with the
 * catalogue: its price and stock of now, without what he has bought and what is sold out; filled up with what is
 * popular, which is all that somebody unknown gets. `source` and `ageMs` are those of what is known of the user.
 */
export function addRecommendRoutes(desk: Desk): void {
  const { app, features, recommender, readers, audit, clock } = desk
  app.get('/v1/users/:id/recommendations', { schema }, async (request: RecommendRequest, reply) => {
    const key = await readers.keyOf(request)
    const id = userIdOf(request.params.id)
    audit.read(request, { by: key.name, users: [id] })
    const row = await features.find(id)
    const count = countOf(request.query.count)
    const standing = row === undefined ? features.standingOfAbsence() : features.standingOf(row)
    if (standing === undefined) throw notCaughtUp()
    const known = row && contentOf(row).features
    const items = await recommender.recommended(id, known, count, clock.now())
    reply.header('cache-control', 'private, no-cache')
    return { items, ...standing }
  })
}

type RecommendRequest = FastifyRequest<{
  Params: { id: string }
  Querystring: { count?: string | string[] }
}>

const schema = {
  summary: 'What a user may like',
  tags: ['users'],
  params: { type: 'object', properties: { id: schemas.userId } },
  querystring: {
    type: 'object',
    properties: { count: { type: 'integer', minimum: 1, maximum: COUNT_MAX, default: COUNT } },
  },
  response: {
    200: {
      type: 'object',
      required: ['items', 'source', 'ageMs'],
      properties: {
        items: {
          type: 'array',
          items: {
            ...schemas.product,
            properties: {
              ...schemas.product.properties,
              score: { type: 'number' },
              because: { type: 'string', enum: ['viewed', 'bought', 'popular'] },
              of: { type: 'string', description: 'The product or category that it goes with' },
            },
          },
        },
        ...schemas.standing,
      },
    },
    ...schemas.problems(400, 401, 403, 429, 503),
  },
} as const

function countOf(sent: string | string[] | undefined): number {
  if (sent === undefined) return COUNT
  const count = typeof sent === 'string' && /^\d{1,3}$/.test(sent) ? Number(sent) : 0
  if (count >= 1 && count <= COUNT_MAX) return count
  throw new Problem(400, 'bad_count', `count is a whole number from 1 to ${COUNT_MAX}`)
}
