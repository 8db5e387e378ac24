import type { FastifyReply, FastifyRequest } from 'fastify'
import { Problem, problemJson, problemType } from '../http/problem.ts'
import { readJson } from './body.ts'
import type { Rejected } from './intake.ts'

/** What one request may bring of rows; the rest of its bounds are the server's. */
const rowsMax = 1_000
const bytesMax = 500 * 1024

/** Why a row was not taken; of events one of the intake's codes. */
export type RejectedRow = Omit<Rejected, 'code'> & { readonly code: string }

/**
 * The rows of a body: one object, an array of them, or an object with the array as its only member `name`.
 *
 * @throws Problem 400 or 413
 */
export function readRows(request: FastifyRequest, name: string): readonly unknown[] {
  const body = readJson(request, bytesMax)
  const rows = rowsIn(body, name)
  if (rows === undefined || rows.length === 0)
    throw new Problem(
      400,
      'no_rows',
      `expected one object, an array of them, or { "${name}": [...] }; found ${rows === undefined ? 'something else' : 'none'}`,
    )
  if (rows.length <= rowsMax) return rows
  throw new Problem(
    413,
    'too_many_rows',
    `a request brings at most ${rowsMax} ${name}, this one has ${rows.length}: send them in several`,
  )
}

/**
 * Answers `{ accepted, rejected: [{ index, code, path, reason }] }`: 200 where something was accepted, and 422 with
 * a problem's members beside those where nothing was, so that a caller who looks at the status alone sees it.
 */
export function answerTaken(
  reply: FastifyReply,
  accepted: number,
  rejected: readonly RejectedRow[],
): FastifyReply {
  const [first] = rejected
  if (accepted > 0 || first === undefined) return reply.send({ accepted, rejected })
  const where = first.path === '' ? '' : `${first.path} `
  const problem = JSON.parse(problemJson(422, first.code, `${where}${first.reason}`))
  return reply
    .code(422)
    .type(problemType)
    .send(JSON.stringify({ ...problem, accepted, rejected }))
}

function rowsIn(body: unknown, name: string): readonly unknown[] | undefined {
  if (Array.isArray(body)) return body
  if (typeof body !== 'object' || body === null) return undefined
  const names = Object.keys(body)
  const listed = (body as Record<string, unknown>)[name]
  return names.length === 1 && Array.isArray(listed) ? listed : [body]
}
