import type { Protection } from '../http/protection.ts'
import { type Http, openHttp } from '../http/server.ts'
import type { Tokens } from '../http/tokens.ts'
import type { Clock } from '../runtime/clock.ts'
import { addDoors, type DoorsOptions } from './doors.ts'
import { EventIntake, type EventIntakeOptions } from './event-intake.ts'
import { createGuard } from './guard.ts'

export interface CollectOptions extends DoorsOptions, EventIntakeOptions {
  readonly host: string
  /** 0: any free one. */
  readonly port: number
  readonly protection: Protection
  readonly tokens: Tokens
  readonly clock: Clock
  readonly logger: { error(fields: object, message: string): void }
}

export interface Collect {
  readonly port: number
  readonly url: string
  /** Takes no more requests, answers those under way, and closes the sink; not the log. */
  stop(): Promise<void>
}

/** Starts the server through which events come in. Rejects with a `ListenError`. */
export async function startCollect(options: CollectOptions): Promise<Collect> {
  const { host, port, sink, telemetry, logger, clock, tokens } = options
  const intake = new EventIntake(options)
  const http: Http = await openHttp({
    ...{ host, port, bodyBytesMax: options.batchBytesMax },
    protection: options.protection,
    health: async () => ({ alive: true }),
    ready: async () => {
      const refused = intake.refusedAt(clock.now())
      return { ready: refused === undefined, reasons: refused === undefined ? [] : [refused] }
    },
    metrics: () => telemetry.scrape(),
    answered(route, status, durationMs) {
      telemetry.add('millrace_requests', 1, { route, status })
      telemetry.record('millrace_request_duration_ms', durationMs, { route })
    },
    failed: (error, route) => logger.error({ error, route }, 'a request failed'),
    routes: (app, access) => {
      const guard = createGuard(access)
      addDoors({ app, intake, sink, guard, tokens, clock, telemetry }, options)
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
