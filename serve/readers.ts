import type { FastifyRequest } from 'fastify'
import type { Key } from '../http/keys.ts'

/** Who may read. */
export interface Readers {
  /**
   * The key that the request brings (Bearer, Basic as the user's name, or the query's `key`). Rejects with a
   * `Problem`: 401 without a key or with an unknown one, 403 where the key does not allow this, 429 over a limit.
   */
  keyOf(request: FastifyRequest): Promise<Key>
  /** The same for answers that must come: over a limit it says so instead of rejecting; 401 is all that it rejects with. */
  tolerantKeyOf(
    request: FastifyRequest,
  ): Promise<{ readonly key: Key; readonly overLimit: boolean }>
}

const loopbackReader: Key = { name: 'loopback', action: 'read' }

/** Of a server that only this machine can reach: everybody may read everything. */
export const openReaders: Readers = {
  keyOf: async () => loopbackReader,
  tolerantKeyOf: async () => ({ key: loopbackReader, overLimit: false }),
}
