import type { FastifyReply, FastifyRequest } from 'fastify'
import type { Block } from '../content/block.ts'
import { Problem } from '../http/problem.ts'
import type { Read } from './audit.ts'
import { type BlockAnswer, BlockAnswers } from './block-answers.ts'
import type { Desk } from './desk.ts'
import { userIdOf } from './ids.ts'
import * as schemas from './schemas.ts'
import { edgeHeaders, userTag } from './surrogate.ts'

/**
 * `GET /v1/blocks/:block?user=…`: what a block shows of a user, for an email provider that asks while it sends. The
 * answer is 200 within the block's budget, whatever is broken behind it, with `source` and `ageMs` beside the
 * content. 401 for a wrong key; 404 for a block that is not defined, and 400 for an id that can be nobody's, both of
 * which show at the first test of a template. `?fields=a,b` leaves only those parts of the content. Without `user`
 * it is what somebody unknown is shown.
 */
export function addBlockRoutes(desk: Desk, answers: BlockAnswers): void {
  desk.app.get('/v1/blocks/:block', { schema }, async (request: BlockRequest, reply) => {
    const { key, overLimit } = await desk.readers.tolerantKeyOf(request)
    const block = desk.blocks.get(request.params.block)
    if (block === undefined) throw noSuchBlock(request.params.block, desk)
    const { user, fields } = request.query
    const asked = { user: user === undefined ? undefined : userIdOf(user), overLimit }
    if (asked.user !== undefined) desk.audit.read(request, readOf(block, asked.user, key.name))
    const { budgetMs } = key
    const answer = await answers.answer(block, {
      ...asked,
      ...(budgetMs !== undefined && { budgetMs }),
    })
    if (asked.user !== undefined) {
      const { user } = asked
      reply.headers(edgeHeaders(desk.edgeSeconds, () => [userTag(user)]))
    }
    return sendBlock(reply, fields === undefined ? answer : only(fields, answer))
  })
}

const schema = {
  summary: 'What a block shows of a user; always 200, within its budget',
  tags: ['blocks'],
  params: { type: 'object', properties: { block: { type: 'string', maxLength: 64 } } },
  querystring: {
    type: 'object',
    properties: {
      user: { ...schemas.userId, description: 'Of nobody when left out' },
      fields: { ...schemas.fields, description: 'Parts of the content, separated by commas' },
    },
  },
  response: {
    200: {
      type: 'object',
      required: ['source', 'ageMs'],
      additionalProperties: true,
      properties: schemas.standing,
    },
    ...schemas.problems(400, 401, 403, 404),
  },
} as const

type BlockRequest = FastifyRequest<{
  Params: { block: string }
  Querystring: { user?: string | string[]; fields?: string | string[] }
}>

/** For the audit log. */
export function readOf(block: Block, user: string, by: string): Read {
  return { by, users: [user], block: block.name, fields: block.features }
}

/** The answers of a desk's blocks, which feeds, AMP and images share. */
export function blockAnswersOf(desk: Desk): BlockAnswers {
  const { features, recommender, clock, telemetry, logger } = desk
  const failed = (error: unknown, block: string) =>
    logger.error({ error, block }, 'a block could not be made; what is known of it was answered')
  return new BlockAnswers({
    ...{ features, recommender, clock, telemetry, failed },
    blocks: [...desk.blocks.values()],
  })
}

function sendBlock(reply: FastifyReply, { json, source, ageMs }: BlockAnswer): FastifyReply {
  reply.headers({
    'content-type': 'application/json; charset=utf-8',
    'cache-control': 'private, no-cache',
    ...{ 'millrace-source': source, 'millrace-age-ms': String(ageMs) },
  })
  const start = json === '{}' ? '{' : `${json.slice(0, -1)},`
  return reply.send(`${start}"source":"${source}","ageMs":${ageMs}}`)
}

function only(fields: string | string[], answer: BlockAnswer): BlockAnswer {
  const names = new Set([fields].flat().flatMap(list => list.split(',')))
  const content = Object.entries(JSON.parse(answer.json) as Record<string, unknown>)
  const kept = Object.fromEntries(content.filter(([name]) => names.has(name)))
  return { ...answer, json: JSON.stringify(kept) }
}

function noSuchBlock(name: string, { blocks }: Desk): Problem {
  const known = [...blocks.keys()].join(', ') || 'none'
  const detail = `no block ${JSON.stringify(name.slice(0, 64))} is defined; there are: ${known}`
  return new Problem(404, 'unknown_block', detail)
}
