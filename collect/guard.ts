import type { FastifyRequest } from 'fastify'
import { type Access, type OverLimit, refuseOverLimit } from '../http/access.ts'
import { secretInHeader, secretInQuery } from '../http/credentials.ts'
import type { Source } from './intake.ts'

/** Who may write events. */
export interface Guard {
  /**
   * The source whose key the request brings: by Basic (as the user's name), by Bearer, as `bodyKey` (what the body
   * has as `writeKey`), or as the query's `writeKey`; the first that is there counts. Rejects with a `Problem`:
   * 401 without a key or with an unknown one, 403 where the key does not allow writing, or not from this page or
   * address, 429 with Retry-After over a limit.
   */
  sourceOf(request: FastifyRequest, bodyKey?: string): Promise<Source>
  /** For doors without a write key: whether more comes from the request's address than may. */
  overAddress(request: FastifyRequest): Promise<OverLimit | undefined>
}

export function createGuard(access: Access): Guard {
  return {
    overAddress: request => access.overAddress(request),
    async sourceOf(request, bodyKey) {
      const inBody = bodyKey === '' ? undefined : bodyKey
      const secret = secretInHeader(request) ?? inBody ?? secretInQuery(request, 'writeKey')
      const admission = await access.admit(request, 'write', secret)
      refuseOverLimit(admission)
      const { name, requireConsent = false, origins } = admission.key
      return { name, requireConsent, ...(origins !== undefined && { origins }) }
    },
  }
}
