import type { FastifyRequest } from 'fastify'
import { Problem } from '../http/problem.ts'
import type { Desk } from './desk.ts'
import { userIdOf } from './ids.ts'

const STREAMS_MAX = 50

/**
 * `GET /page/rows?user=`: a user's row, each time that it changes, as server-sent events (`event: row`,
 * https://html.spec.whatwg.org/multipage/server-sent-events.html); the present one comes at once.
 */
export function addRowStream({ app, features }: Desk): void {
  const ends = new Set<() => void>()
  app.get('/page/rows', async (request: RowsRequest, reply) => {
    const user = userIdOf(request.query.user ?? '')
    if (ends.size >= STREAMS_MAX)
      throw new Problem(503, 'too_many_streams', `at most ${STREAMS_MAX} pages are told of rows`)
    reply.hijack()
    const { raw } = reply
    raw.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-store' })
    const tell = () => {
      const row = features.get(user)
      if (row !== undefined) raw.write(`event: row\ndata: ${row.json}\n\n`)
    }
    const stopListening = features.onChange(key => {
      if (key === user) tell()
    })
    const end = () => {
      ends.delete(end)
      stopListening()
      raw.end()
    }
    ends.add(end)
    request.raw.on('close', end)
    raw.write(': the rows of one user\n\n')
    tell()
  })
  // Streams never end by themselves, and closing waits for all answers.
  app.addHook('preClose', async () => {
    for (const end of ends) end()
  })
}

type RowsRequest = FastifyRequest<{ Querystring: { user?: string | string[] } }>
