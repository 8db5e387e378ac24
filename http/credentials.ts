import type { FastifyRequest } from 'fastify'

/**
 * The secret in the Authorization header: the token of Bearer (RFC 6750), or the user of Basic (RFC 7617), whose
 * password is nothing to us, as with Segment. `undefined` where there is none that can be read.
 */
export function secretInHeader(request: FastifyRequest): string | undefined {
  const [, scheme = '', credentials = ''] =
    /^(basic|bearer) +([\w+/=.~-]+) *$/i.exec(request.headers.authorization ?? '') ?? []
  switch (scheme.toLowerCase()) {
    case 'bearer':
      return credentials
    case 'basic':
      return nonempty(Buffer.from(credentials, 'base64').toString('utf8').split(':', 1)[0])
    default:
      return undefined
  }
}

/** A parameter of the query that is there once, and not empty. */
export function secretInQuery(request: FastifyRequest, name: string): string | undefined {
  const { query } = request
  if (typeof query !== 'object' || query === null) return undefined
  const value = Object.entries(query).find(([each]) => each === name)?.[1]
  return typeof value === 'string' ? nonempty(value) : undefined
}

function nonempty(text: string | undefined): string | undefined {
  return text === '' ? undefined : text
}
