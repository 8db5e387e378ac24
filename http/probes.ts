import type { FastifyInstance } from 'fastify'
import type { Access } from './access.ts'
import { secretInHeader } from './credentials.ts'

export interface ProbeOptions {
  /** Whether the process works at all; one that does not should be restarted. */
  readonly health: () => Promise<HealthAnswer>
  /** Whether it does its job; while it does not, requests should go elsewhere. */
  readonly ready: () => Promise<ReadyAnswer>
  /** The text of `/metrics`, in Prometheus' format. */
  readonly metrics: () => Promise<string>
}

export interface HealthAnswer {
  readonly alive: boolean
  /** Why not. */
  readonly reasons?: readonly string[]
}

export interface ReadyAnswer {
  readonly ready: boolean
  /** Why not; for people. */
  readonly reasons: readonly string[]
}

const PROBE_MS_MAX = 2_000

/**
 * `/health` and `/ready`, which say nothing but that, to everybody; and `/metrics`, for which a key to read is
 * needed where there is `access`: who counts a shop's orders knows a lot of it.
 */
export function addProbes(
  app: FastifyInstance,
  { health, ready, metrics }: ProbeOptions,
  access?: Access,
): void {
  app.get('/health', async (_request, reply) => {
    const answer = await within(health(), reason => ({ alive: false, reasons: [reason] }))
    return reply.code(answer.alive ? 200 : 503).send(answer)
  })
  app.get('/ready', async (_request, reply) => {
    const answer = await within(ready(), reason => ({ ready: false, reasons: [reason] }))
    return reply.code(answer.ready ? 200 : 503).send(answer)
  })
  app.get('/metrics', async (request, reply) => {
    await access?.admit(request, 'read', secretInHeader(request))
    return reply.type('text/plain; version=0.0.4; charset=utf-8').send(await metrics())
  })
}

/** A probe that throws or hangs is an answer, too. */
async function within<Answer>(
  answer: Promise<Answer>,
  otherwise: (reason: string) => Answer,
): Promise<Answer> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<Answer>(resolve => {
    const reason = `it was asked and did not answer within ${PROBE_MS_MAX} ms`
    timer = setTimeout(() => resolve(otherwise(reason)), PROBE_MS_MAX)
  })
  try {
    return await Promise.race([answer, late])
  } catch (error) {
    return otherwise(error instanceof Error ? error.message : String(error))
  } finally {
    clearTimeout(timer)
  }
}
