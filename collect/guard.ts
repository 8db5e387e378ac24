import type { FastifyRequest } from 'fastify'
import { type Access, type Admission, type OverLimit, refuseOverLimit } from '../http/access.ts'
import { secretInHeader, secretInQuery } from '../http/credentials.ts'
import type { Key } from '../http/keys.ts'
import type { Source } from './intake.ts'

/** Who may write events. */
export interface Guard {
  /**
   * The source whose key the request brings: by Basic (as the user's name), by Bearer, as `bodyKey` (what the body
   * has as `writeKey`), or as the query's `writeKey`; the first that is there counts. Rejects with a `Problem`:
   * 401 without a key or with an unknown one, 403 where the key does not allow writing, or not from this page or
   * address, 429 with Retry-After over a limit. Throws it, and answers at once, where there is nothing to wait for.
   */
  sourceOf(request: FastifyRequest, bodyKey?: string): Source | Promise<Source>
  /** For doors without a write key: whether more comes from the request's address than may. */
  overAddress(request: FastifyRequest): Promise<OverLimit | undefined>
}

export function createGuard(access: Access): Guard {
  const sources = new WeakMap<Key, Source>()
  const sourceOf = (admission: Admission): Source => {
    refuseOverLimit(admission)
    const { key } = admission
    const known = sources.get(key)
    if (known !== undefined) return known
    const source = sourceOfKey(key)
    sources.set(key, source)
    return source
  }
  return {
    overAddress: request => access.overAddress(request),
    sourceOf(request, bodyKey) {
      const inBody = bodyKey === '' ? undefined : bodyKey
      const secret = secretInHeader(request) ?? inBody ?? secretInQuery(request, 'writeKey')
      const admission = access.admit(request, 'write', secret)
      return admission instanceof Promise ? admission.then(sourceOf) : sourceOf(admission)
    },
  }
}

function sourceOfKey({ name, requireConsent = false, origins }: Key): Source {
  return { name, requireConsent, ...(origins !== undefined && { origins }) }
}
