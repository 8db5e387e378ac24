import swagger from '@fastify/swagger'
import swaggerUi from '@fastify/swagger-ui'
import { Ajv, type AnySchema } from 'ajv'
import type { FastifyInstance } from 'fastify'

/**
 * Describes all routes that come after it by their schemas: OpenAPI 3.1 at `/v1/openapi.json`, and a page to try them
 * at `/explorer`. Paths and queries are checked by the routes, whose errors say more than a schema's can; bodies are
 * checked by their schemas.
 */
export function describeRoutes(app: FastifyInstance, version: string): void {
  app.register(swagger, {
    openapi: {
      openapi: '3.1.0',
      info: {
        title: 'Millrace',
        version,
        description: 'Per-user features, milliseconds after what happened.',
        license: { name: 'MIT', identifier: 'MIT' },
      },
      components: {
        securitySchemes: { key: { type: 'http', scheme: 'bearer', description: 'A key to read' } },
      },
      security: [{ key: [] }],
    },
    hideUntagged: true,
  })
  app.register(swaggerUi, { routePrefix: '/explorer', uiConfig: { deepLinking: true } })
  app.register(async inner => {
    inner.get('/v1/openapi.json', async () => inner.swagger())
  })
}

/** Lets paths and queries through to the route. A body is taken as it is, and nothing in it for what it might mean. */
export function checkBodiesOnly(app: FastifyInstance): void {
  const ajv = new Ajv({ allErrors: false, strict: false })
  app.setValidatorCompiler(({ httpPart, schema }) =>
    httpPart === 'body' ? ajv.compile(schema as AnySchema) : () => true,
  )
}
