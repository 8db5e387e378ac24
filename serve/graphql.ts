import type { FastifyReply, FastifyRequest } from 'fastify'
import { type GraphQLScalarType, GraphQLScalarType as Scalar, specifiedRules } from 'graphql'
import type { MercuriusContext } from 'mercurius'
import type { Key } from '../http/keys.ts'
import { Problem } from '../http/problem.ts'
import type { Desk } from './desk.ts'
import { type Fields, readable } from './fields.ts'
import { costRule, DEPTH_MAX, QUERY_CHARS_MAX } from './graphql-limits.ts'
import { userIdOf } from './ids.ts'
import { contentOf, type Row, type RowContent } from './row.ts'

const schema = `
  "Any JSON value, as a job made it."
  scalar JSON

  type Query {
    "null for somebody unknown"
    user(id: ID!): User
    "in the order of the ids, at most 100; null for those unknown"
    users(ids: [ID!]!): [User]!
    segment(name: String!, after: ID, limit: Int = 100): Members!
  }

  type User {
    id: ID!
    "event time of the newest event in it, epoch ms"
    asOf: Float!
    "[offset, revision]; for one user it never goes back"
    version: [Float!]!
    "all that the key may read, or those of these names"
    features(names: [String!]): JSON!
    segments: [String!]!
    source: Source!
    "how far behind the topic it may be, ms"
    ageMs: Float!
    recommendations(count: Int = 10): [Product!]!
  }

  "live while the topic is followed; stale where the answer may be old"
  enum Source { live stale }

  type Members {
    users: [ID!]!
    "the after of the next page; null on the last one"
    next: ID
  }

  type Product {
    id: ID!
    title: String!
    price: Float
    currency: String
    stock: Float
    url: String
    image: String
    category: String
    because: String!
  }
`

const USERS_MAX = 100
const COUNT_MAX = 24
const LIMIT_MAX = 1_000
const CACHED_QUERIES_MAX = 500

declare module 'mercurius' {
  interface MercuriusContext {
    /** Of who asks. */
    readonly key: Key
    /** Notes that somebody's data is read. */
    readonly reads: (users: readonly string[]) => void
  }
}

/** A user as resolvers pass him on. */
interface Known {
  readonly row: Row
  readonly content: RowContent
}

/**
 * `POST /graphql` and `GET /graphql?query=`: the same data in one query, within a depth of 8 and a cost of 5,000
 * fields (see `costRule`). Keys see the features that they see over REST.
 */
export function addGraphql(desk: Desk): void {
  const { app } = desk
  app.register(async inner => {
    const { default: mercurius } = await import('mercurius')
    inner.addHook('preParsing', async (request: GraphqlRequest) => refuseLong(request.query.query))
    inner.addHook('preHandler', async (request: GraphqlRequest) => refuseLong(request.body?.query))
    await inner.register(mercurius, {
      schema,
      resolvers: resolversOf(desk),
      path: '/graphql',
      queryDepth: DEPTH_MAX,
      validationRules: [...specifiedRules, costRule],
      cache: CACHED_QUERIES_MAX,
      context: async (request: FastifyRequest) => {
        const key = await desk.readers.keyOf(request)
        const users = new Set<string>()
        const reads = (more: readonly string[]) => {
          for (const user of more) users.add(user)
          desk.audit.read(request, { by: key.name, users: [...users] })
        }
        return { key, reads }
      },
      errorHandler: sendFault,
      allowBatchedQueries: false,
    })
  })
}

type GraphqlRequest = FastifyRequest<{
  Querystring: { query?: unknown }
  Body: { query?: unknown } | null | undefined
}>

function resolversOf({ features, recommender, clock }: Desk) {
  const find = async (
    ids: readonly string[],
    { reads }: MercuriusContext,
  ): Promise<(Known | null)[]> => {
    reads(ids)
    const rows = await features.findAll(ids.map(id => userIdOf(id)))
    return rows.map(row => (row && { row, content: contentOf(row) }) || null)
  }
  return {
    JSON: json,
    Query: {
      user: async (_root: unknown, { id }: { id: string }, context: MercuriusContext) =>
        (await find([id], context))[0],
      users: (_root: unknown, { ids }: { ids: string[] }, context: MercuriusContext) =>
        find(bounded('ids', ids, USERS_MAX), context),
      segment: async (
        _root: unknown,
        { name, after, limit }: SegmentArguments,
        { reads }: MercuriusContext,
      ) => {
        const most = within('limit', limit, LIMIT_MAX)
        const { users, more } = await features.members(name.slice(0, 200), after, most)
        reads(users)
        return { users, next: more ? users.at(-1) : undefined }
      },
    },
    User: {
      id: ({ content }: Known) => content.key,
      asOf: ({ content }: Known) => content.asOf,
      version: ({ content }: Known) => content.version,
      segments: ({ content }: Known) => content.segments,
      features: ({ content }: Known, { names }: { names?: string[] }, { key }: MercuriusContext) =>
        pick(content.features, readable(names && new Set(names), key)),
      source: ({ row }: Known) => features.standingOf(row).source,
      ageMs: ({ row }: Known) => features.standingOf(row).ageMs,
      recommendations: ({ content }: Known, { count }: { count: number }) => {
        const most = within('count', count, COUNT_MAX)
        return recommender.recommended(content.key, content.features, most, clock.now())
      },
    },
  }
}

interface SegmentArguments {
  readonly name: string
  readonly after?: string
  readonly limit: number
}

const json: GraphQLScalarType = new Scalar({ name: 'JSON', serialize: value => value })

function pick(values: RowContent['features'], fields: Fields): RowContent['features'] {
  if (fields === undefined) return values
  return Object.fromEntries(Object.entries(values).filter(([name]) => fields.has(name)))
}

function bounded(name: string, list: string[], most: number): string[] {
  if (list.length <= most) return list
  throw new Problem(400, `too_many_${name}`, `${name} are at most ${most}, not ${list.length}`)
}

function within(name: string, value: number, most: number): number {
  if (value >= 1 && value <= most) return value
  throw new Problem(400, `bad_${name}`, `${name} is from 1 to ${most}, not ${value}`)
}

function refuseLong(query: unknown): void {
  if (typeof query !== 'string' || query.length <= QUERY_CHARS_MAX) return
  const detail = `a query has at most ${QUERY_CHARS_MAX} characters, this one ${query.length}`
  throw new Problem(413, 'query_too_long', detail)
}

/** A key that is missing is a problem like any other; what is wrong in a query stands in GraphQL's own `errors`. */
function sendFault(error: Error, _request: FastifyRequest, reply: FastifyReply): void {
  if (error instanceof Problem) throw error
  const { errors = [error] } = error as {
    errors?: readonly { message: string; originalError?: unknown }[]
  }
  const faults = errors.slice(0, 10).map(({ message, ...rest }) => {
    const code =
      'originalError' in rest && rest.originalError instanceof Problem
        ? rest.originalError.code
        : 'bad_query'
    return { message, extensions: { code } }
  })
  reply.code(400).send({ data: null, errors: faults })
}
