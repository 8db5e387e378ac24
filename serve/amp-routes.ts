import type { FastifyRequest } from 'fastify'
import { Problem } from '../http/problem.ts'
import { type AmpSenders, ampHeaders } from './amp-cors.ts'
import { openTicket, purposes } from './amp-tokens.ts'
import type { BlockAnswers } from './block-answers.ts'
import { readOf } from './block-routes.ts'
import type { Desk } from './desk.ts'

const ITEMS_MAX = 100

/**
 * `GET /v1/amp/blocks/:block?token=…`: a block for `<amp-list>` (https://amp.dev/documentation/components/email/amp-list),
 * as `{ "items": content, "source", "ageMs" }` for a list with `single-item`. `?list=items` answers that list of the
 * content as `items`, and `&max=3` at most so many of it. The token says whose; nothing else is asked for, and it
 * opens nothing else. Always 200 for a mail client with a good token: what is known, or the block's fallback.
 */
export function addAmpRoutes(desk: Desk, answers: BlockAnswers, senders: AmpSenders): void {
  const { app, blocks, clock } = desk
  app.get('/v1/amp/blocks/:block', { schema }, async (request: AmpRequest, reply) => {
    const headers = ampHeaders(request, senders)
    reply.headers({ ...headers, 'cache-control': 'private, no-store' })
    const { tokens } = desk
    const { token, list, max } = request.query
    const block = blocks.get(request.params.block)
    if (block === undefined || tokens === undefined) throw unknownBlock()
    const user = openTicket(tokens, purposes.block, block.name, token, clock.now())
    desk.audit.read(request, readOf(block, user, 'token'))
    const { json, source, ageMs } = await answers.answer(block, { user })
    reply.header('content-type', 'application/json; charset=utf-8')
    const items = list === undefined ? json : listOf(json, list, maxOf(max))
    return reply.send(`{"items":${items},"source":"${source}","ageMs":${ageMs}}`)
  })
}

type AmpRequest = FastifyRequest<{
  Params: { block: string }
  Querystring: { token?: unknown; list?: unknown; max?: unknown }
}>

const schema = {
  summary: 'A block for amp-list',
  tags: ['email'],
  security: [],
  params: { type: 'object', properties: { block: { type: 'string', maxLength: 64 } } },
  querystring: {
    type: 'object',
    required: ['token'],
    properties: {
      token: { type: 'string', maxLength: 2_048 },
      list: { type: 'string', description: 'A list in the content, to be the items' },
      max: { type: 'integer', minimum: 1, maximum: ITEMS_MAX },
    },
  },
} as const

function listOf(json: string, name: unknown, max: number): string {
  const content = JSON.parse(json) as Record<string, unknown>
  const list = typeof name === 'string' && Object.hasOwn(content, name) ? content[name] : []
  return JSON.stringify(Array.isArray(list) ? list.slice(0, max) : [])
}

function maxOf(max: unknown): number {
  const wanted = typeof max === 'string' && /^\d{1,3}$/.test(max) ? Number(max) : ITEMS_MAX
  return Math.max(1, Math.min(ITEMS_MAX, wanted))
}

function unknownBlock(): Problem {
  return new Problem(404, 'unknown_block', 'no such block is defined: see /v1/openapi.json')
}
