import type { FastifyRequest } from 'fastify'
import { type Access, refuseOverLimit } from '../http/access.ts'
import { secretInHeader, secretInQuery } from '../http/credentials.ts'
import type { Key } from '../http/keys.ts'

/** Who may read. */
export interface Readers {
  /**
   * The key that the request brings (Bearer, Basic as the user's name, or the query's `key`). Rejects with a
   * `Problem`: 401 without a key or with an unknown one, 403 where the key does not allow this, 429 over a limit.
   */
  keyOf(request: FastifyRequest): Promise<Key>
  /** The same for answers that must come: over a limit it says so instead of rejecting. */
  tolerantKeyOf(
    request: FastifyRequest,
  ): Promise<{ readonly key: Key; readonly overLimit: boolean }>
  /**
   * The key to look after people's data, which comes in a header: a query stands in the logs of proxies. Rejects as
   * `keyOf` does, with 403 for a key that may only read.
   */
  adminKeyOf(request: FastifyRequest): Promise<Key>
}

export function createReaders(access: Access): Readers {
  const admit = (request: FastifyRequest) => {
    const secret = secretInHeader(request) ?? secretInQuery(request, 'key')
    return access.admit(request, 'read', secret)
  }
  return {
    async keyOf(request) {
      const admission = await admit(request)
      refuseOverLimit(admission)
      return admission.key
    },
    async tolerantKeyOf(request) {
      const { key, overLimit } = await admit(request)
      return { key, overLimit: overLimit !== undefined }
    },
    async adminKeyOf(request) {
      const admission = await access.admit(request, 'admin', secretInHeader(request))
      refuseOverLimit(admission)
      return admission.key
    },
  }
}

const loopbackReader: Key = { name: 'loopback', action: 'admin' }

/** Of a server that only this machine can reach: everybody may do everything. */
export const openReaders: Readers = {
  keyOf: async () => loopbackReader,
  tolerantKeyOf: async () => ({ key: loopbackReader, overLimit: false }),
  adminKeyOf: async () => loopbackReader,
}
