import swagger from '@fastify/swagger'
import swaggerUi from '@fastify/swagger-ui'
import { Ajv, type AnySchema } from 'ajv'
import type { FastifyInstance } from 'fastify'
import { problem } from './schemas.ts'

/**
 * Describes all routes that come after it by their schemas: OpenAPI 3.1 at `/v1/openapi.json`, and a page to try them
 * at `/explorer`. Paths and queries are checked by the routes, whose errors say more than a schema's can; bodies are
 * checked by their schemas. What is refused is a problem (RFC 9457), whatever the status.
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
    transformObject: described => {
      if (!('openapiObject' in described)) return described.swaggerObject
      addRefusals(described.openapiObject)
      return described.openapiObject
    },
  })
  app.register(swaggerUi, { routePrefix: '/explorer', uiConfig: { deepLinking: true } })
  app.register(async inner => {
    inner.get('/v1/openapi.json', async () => inner.swagger())
  })
}

/** Whatever else a route answers, or the server before it (414, 431 …), is a problem. */
function addRefusals(described: { paths?: Readonly<Record<string, object | undefined>> }): void {
  const refusal = {
    description: 'Why it is refused',
    content: { 'application/problem+json': { schema: problem } },
  }
  for (const path of Object.values(described.paths ?? {}))
    for (const operation of Object.values(path ?? {}) as { responses?: Record<string, unknown> }[])
      operation.responses = { ...operation.responses, default: refusal }
}

/** Lets paths and queries through to the route. A body is taken as it is, and nothing in it for what it might mean. */
export function checkBodiesOnly(app: FastifyInstance): void {
  const ajv = new Ajv({ allErrors: false, strict: false })
  app.setValidatorCompiler(({ httpPart, schema }) =>
    httpPart === 'body' ? ajv.compile(schema as AnySchema) : () => true,
  )
}
