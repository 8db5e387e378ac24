import type { BaseLogger } from 'pino'
import type { Protection } from '../http/protection.ts'
import { type HealthAnswer, type Http, openHttp, type ReadyAnswer } from '../http/server.ts'
import type { Tokens } from '../http/tokens.ts'
import type { Clock } from '../runtime/clock.ts'
import type { Telemetry } from '../runtime/telemetry.ts'
import type { Addresses } from './address.ts'
import { addDoors, type DoorsOptions } from './doors.ts'
import { EventIntake } from './event-intake.ts'
import { createGuard } from './guard.ts'
import type { Plan } from './plan.ts'
import type { Sink } from './sink.ts'

export interface CollectOptions extends DoorsOptions {
  readonly host: string
  /** 0: any free one. */
  readonly port: number
  readonly sink: Sink
  readonly protection: Protection
  readonly tokens: Tokens
  readonly addresses?: Addresses
  readonly plan?: Plan
  readonly clock: Clock
  readonly telemetry: Telemetry
  readonly logger: Pick<BaseLogger, 'error'>
  /** Whether events can be taken now. */
  readonly ready: () => ReadyAnswer
  readonly health: () => HealthAnswer
  readonly eventBytesMax: number
}

export interface Collect {
  readonly port: number
  readonly url: string
  /** Takes no more requests, answers those under way, and closes the sink. */
  stop(): Promise<void>
}

/** Starts the server through which events come in. Rejects with a `ListenError`. */
export async function startCollect(options: CollectOptions): Promise<Collect> {
  const { host, port, sink, telemetry, logger } = options
  const http: Http = await openHttp({
    ...{ host, port, bodyBytesMax: options.batchBytesMax },
    protection: options.protection,
    health: async () => options.health(),
    ready: async () => options.ready(),
    metrics: () => telemetry.scrape(),
    answered(route, status, durationMs) {
      telemetry.add('millrace_requests', 1, { route, status })
      telemetry.record('millrace_request_duration_ms', durationMs, { route })
    },
    failed: (error, route) => logger.error({ error, route }, 'a request failed'),
    routes: (app, access) => {
      const { tokens, clock } = options
      const guard = createGuard(access)
      addDoors(
        { app, intake: new EventIntake(options), sink, guard, tokens, clock, telemetry },
        options,
      )
    },
  })
  const stop = async () => {
    await http.close()
    await sink.close()
  }
  let stopped: Promise<void> | undefined
  return {
    port: http.port,
    url: http.url,
    stop() {
      stopped ??= stop()
      return stopped
    },
  }
}
