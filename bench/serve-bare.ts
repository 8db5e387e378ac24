import { fastify } from 'fastify'
import { featureRow } from './serve-rows.ts'

/** What the library alone answers: always the same row, which it looks nowhere up. */
const app = fastify()
const row = String(featureRow(7, 1, 1_800_000_000_000).value)
app.get('/v1/users/:id/features', async (_request, reply) =>
  reply.type('application/json; charset=utf-8').send(row),
)
console.log(await app.listen({ host: '127.0.0.1', port: 0 }))
process.on('SIGTERM', () => process.exit(0))
