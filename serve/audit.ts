import type { FastifyInstance, FastifyRequest } from 'fastify'
import type { AuditLog } from './audit-log.ts'

declare module 'fastify' {
  interface FastifyRequest {
    /** To be written when the answer is sent. */
    personalRead?: Read | undefined
  }
}

/** A person's data was asked for. */
export interface Read {
  /** Name of the key, or what else let it in, such as `token`. */
  readonly by: string
  /** Whose. */
  readonly users: readonly string[]
  /** Names of the features that were asked for; all when not given. */
  readonly fields?: Iterable<string> | undefined
  /** The block that they went into. */
  readonly block?: string
}

/** What the routes tell of who reads what of whom. */
export interface Audit {
  /** The line is written when the answer is sent, since it has its status. */
  read(request: FastifyRequest, read: Read): void
}

/** Where nobody keeps a log of reads, as on a machine of one's own. */
export const noAudit: Audit = { read: () => undefined }

/**
 * Writes a line for each read that the routes of `app` tell of, before its answer leaves: so a reader who hangs up
 * while the answer comes has been written down.
 */
export function addAudit(app: FastifyInstance, log: AuditLog): Audit {
  app.decorateRequest('personalRead')
  app.addHook('onSend', (request, reply, payload, done) => {
    const { personalRead: read } = request
    if (read !== undefined) {
      request.personalRead = undefined // an answer that fails half-way is sent as another one
      log.append({
        by: read.by,
        users: read.users,
        route: request.routeOptions.url ?? '',
        ...(read.block !== undefined && { block: read.block }),
        ...(read.fields !== undefined && { fields: [...read.fields] }),
        status: reply.statusCode,
      })
    }
    done(null, payload)
  })
  return {
    read(request, read) {
      request.personalRead = read
    },
  }
}
