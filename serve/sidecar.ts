import type { BaseLogger } from 'pino'
import { type HealthAnswer, type Http, openHttp, type ReadyAnswer } from '../http/server.ts'
import type { Clock } from '../runtime/clock.ts'
import type { Log } from '../runtime/log.ts'
import { noTelemetry, type Telemetry } from '../runtime/telemetry.ts'
import { Follower } from './follow.ts'
import { ageMsOf } from './progress.ts'
import { addFeatureRoutes, type Rows } from './routes.ts'
import { standingOf, standingOfAbsence } from './standing.ts'
import { openView, type View } from './view.ts'

export interface SidecarOptions {
  readonly log: Log
  /** A compacted topic of feature rows, such as `email.features`. */
  readonly topic: string
  /** Of its own; one process at a time has it open. */
  readonly folder: string
  readonly host: string
  /** 0: any free one. */
  readonly port: number
  readonly clock: Clock
  readonly logger?: Pick<BaseLogger, 'info' | 'warn' | 'error'>
  readonly telemetry?: Telemetry
  /** An answer that may be further behind is `stale`, ms; 5,000 when not given. */
  readonly staleMs?: number
  /**
   * The view cannot be written any more (the disk), or the brokers do not let us in at the start: end the process.
   * Until then it answers from what it has.
   */
  readonly failed?: (error: unknown) => void
}

export interface Sidecar {
  readonly port: number
  readonly url: string
  /** Ready once everything is in the view that was in the topic when it was first seen; from then on always. */
  ready(): ReadyAnswer
  /** Does not close the log. */
  stop(): Promise<void>
}

const STALE_MS = 5_000
const silent = { info: () => undefined, warn: () => undefined, error: () => undefined }

/**
 * Serves the features of a topic from a local view of it. It answers from the first moment, with what an earlier
 * run left, also while the broker is away; how old that may be stands in each answer. Rejects with a
 * `ViewError` or a `ListenError`.
 */
export async function startSidecar(options: SidecarOptions): Promise<Sidecar> {
  const { clock, telemetry = noTelemetry, logger = silent, staleMs = STALE_MS } = options
  const view = await openView(options.folder)
  let failure: unknown
  const failed = (error: unknown) => {
    if (failure !== undefined) return
    failure = error
    if (options.failed) options.failed(error)
    else logger.error({ error }, 'the sidecar cannot go on')
  }
  const { log, topic } = options
  const follower = new Follower({ log, topic, view, clock, logger, telemetry, failed })
  const ready = (): ReadyAnswer => ({ ready: follower.caughtUp, reasons: follower.reasons })
  const rows = rowsOf(view, follower, staleMs, clock)
  let http: Http
  try {
    http = await openHttp({
      host: options.host,
      port: options.port,
      health: async () => healthOf(failure),
      ready: async () => ready(),
      metrics: () => telemetry.scrape(),
      routes: app => addFeatureRoutes(app, rows, telemetry),
      answered(route, status, durationMs) {
        telemetry.add('millrace_requests', 1, { route, status })
        telemetry.record('millrace_request_duration_ms', durationMs, { route })
      },
      failed: (error, route) => logger.error({ error, route }, 'a request failed'),
    })
  } catch (error) {
    await view.close()
    throw error
  }
  const stopMeasuring = measure(telemetry, view, follower, clock)
  follower.start()

  const stop = async () => {
    await Promise.all([http.close(), follower.stop()])
    stopMeasuring()
    await view.close()
  }
  let stopped: Promise<void> | undefined
  return {
    port: http.port,
    url: http.url,
    ready,
    stop() {
      stopped ??= stop()
      return stopped
    },
  }
}

function rowsOf(view: View, follower: Follower, staleMs: number, clock: Clock): Rows {
  return {
    get: key => view.get(key),
    standingOf({ partition }) {
      const progress = view.partitions[partition]
      return standingOf(progress, follower.caughtUp, staleMs, clock.now())
    },
    standingOfAbsence() {
      return standingOfAbsence(view.partitions, follower.caughtUp, staleMs, clock.now())
    },
  }
}

function healthOf(failure: unknown): HealthAnswer {
  if (failure === undefined) return { alive: true }
  return { alive: false, reasons: [failure instanceof Error ? failure.message : String(failure)] }
}

function measure(telemetry: Telemetry, view: View, follower: Follower, clock: Clock): () => void {
  const removals = [
    telemetry.gauge('millrace_view_rows', () => [{ value: view.rows }]),
    telemetry.gauge('millrace_view_lag_records', () =>
      follower.lag.map((value, partition) => ({ value, attributes: { partition } })),
    ),
    telemetry.gauge('millrace_view_age_ms', () =>
      view.partitions.flatMap((progress, partition) => {
        const value = ageMsOf(progress, clock.now())
        return value === undefined ? [] : [{ value, attributes: { partition } }]
      }),
    ),
  ]
  return () => {
    for (const remove of removals) remove()
  }
}
