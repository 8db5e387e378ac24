import { fastify } from 'fastify'

/** What the library alone takes: it parses the JSON of an event or a batch, and keeps nothing. */
const app = fastify({ bodyLimit: 1_048_576 })
for (const path of ['/v1/track', '/v1/batch'])
  app.post(path, async (_request, reply) =>
    reply.type('application/json; charset=utf-8').send('{"success":true}'),
  )
console.log(await app.listen({ host: '127.0.0.1', port: 0 }))
process.on('SIGTERM', () => process.exit(0))
