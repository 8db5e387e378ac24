import type { FastifyRequest } from 'fastify'
import type { Desk } from './desk.ts'
import { fieldsOf, onlyFields, readable } from './fields.ts'
import * as schemas from './schemas.ts'

const IDS_MAX = 500

/**
 * `POST /v1/users/features` with `{ "ids": [...], "fields": [...] }`: many users' rows in one answer, by id, each with
 * its own `source` and `ageMs`; `null` for a user who is not known.
 */
export function addManyRoutes({ app, features: rows, readers, audit }: Desk): void {
  app.post('/v1/users/features', { schema }, async (request: ManyRequest, reply) => {
    const key = await readers.keyOf(request)
    const { ids, fields } = request.body
    const wanted = readable(fieldsOf(fields), key)
    const unique = [...new Set(ids)]
    audit.read(request, { by: key.name, users: unique, fields: wanted })
    const found = await rows.findAll(unique)
    const answers = unique.map((id, at) => {
      const row = found[at]
      if (row === undefined) return `${JSON.stringify(id)}:null`
      const { source, ageMs } = rows.standingOf(row)
      const json = onlyFields(wanted, row.json)
      return `${JSON.stringify(id)}:${json.slice(0, -1)},"source":"${source}","ageMs":${ageMs}}`
    })
    reply.headers({
      'content-type': 'application/json; charset=utf-8',
      'cache-control': 'private, no-cache',
    })
    return reply.send(`{"users":{${answers.join(',')}}}`)
  })
}

type ManyRequest = FastifyRequest<{ Body: { ids: string[]; fields?: string[] } }>

const schema = {
  summary: "Many users' features",
  tags: ['users'],
  body: {
    type: 'object',
    required: ['ids'],
    additionalProperties: false,
    properties: {
      ids: { type: 'array', minItems: 1, maxItems: IDS_MAX, items: schemas.userId },
      fields: { type: 'array', maxItems: 200, items: { type: 'string' } },
    },
  },
  response: {
    200: {
      type: 'object',
      required: ['users'],
      properties: {
        users: {
          type: 'object',
          additionalProperties: { anyOf: [schemas.row, { type: 'null' }] },
        },
      },
    },
    ...schemas.problems(400, 401, 403, 429),
  },
} as const
