import type { BaseLogger } from 'pino'
import type { Block } from '../content/block.ts'
import type { Access } from '../http/access.ts'
import type { Protection } from '../http/protection.ts'
import { type HealthAnswer, type Http, openHttp, type ReadyAnswer } from '../http/server.ts'
import type { Tokens } from '../http/tokens.ts'
import type { Clock } from '../runtime/clock.ts'
import type { Log } from '../runtime/log.ts'
import { noTelemetry, type Telemetry } from '../runtime/telemetry.ts'
import { addAllRoutes } from './all-routes.ts'
import { mailOrigins } from './amp-cors.ts'
import { AuditLog, type AuditLogOptions } from './audit-log.ts'
import { erasurePlaces } from './erasure-places.ts'
import { EventWriter } from './event-writer.ts'
import type { PageSettings } from './page-routes.ts'
import { Painter } from './painter.ts'
import type { PurgeHook } from './purge-file.ts'
import { Purger } from './purger.ts'
import { createReaders, openReaders } from './readers.ts'
import { Recommender } from './recommender.ts'
import { openViews } from './views.ts'

export interface SidecarOptions {
  readonly log: Log
  /** A compacted topic of users' feature rows, such as `email.features`. */
  readonly topic: string
  /** What the job `products` tells, such as `products.features`; recommendations need it. */
  readonly products?: string
  /** The catalogue, such as `products`. Both topics may be missing, or come later. */
  readonly catalogue?: string
  /** What the job `pairs` tells, such as `pairs.features`: what each user viewed and bought last. */
  readonly pairs?: string
  /** Of its own, for the views; one process at a time has it open. */
  readonly folder: string
  readonly host: string
  /** 0: any free one. */
  readonly port: number
  readonly clock: Clock
  /** What emails show; none when not given. */
  readonly blocks?: readonly Block[]
  /** Who may read; everybody on this machine, and nobody else, when not given. */
  readonly protection?: Protection
  readonly tokens?: Tokens
  /** From addresses of emails that may ask by AMP, see `AmpSenders`; any when not given, as on one's own machine. */
  readonly ampSenders?: readonly string[]
  /** The topic that the job reads, for what readers do in emails; `events` when not given. */
  readonly eventsTopic?: string
  /** A CDN before this server that is told of changes, and for how long it may keep an answer, s. */
  readonly edge?: { readonly hook: PurgeHook; readonly seconds: number }
  /** For the page at `/` of a machine of one's own; there is none when not given. */
  readonly page?: PageSettings
  /** The log of who read what of whom; there is none when not given. */
  readonly audit?: Pick<AuditLogOptions, 'folder' | 'days' | 'nameOf'>
  /** Of Millrace, as the API's description says it. */
  readonly version?: string
  readonly logger?: Pick<BaseLogger, 'info' | 'warn' | 'error'>
  readonly telemetry?: Telemetry
  /** An answer that may be further behind is `stale`, ms; 5,000 when not given. */
  readonly staleMs?: number
  /** Of rows in memory, all views together; the rest are read from the disk. 64 MiB when not given. */
  readonly rowsBytesMax?: number
  /** What `/metrics` answers; what `telemetry` has when not given. */
  readonly metrics?: () => Promise<string>
  /** How long `stop` goes on answering on connections that are kept; see `Http.close`. 0 when not given. */
  readonly graceMs?: number
  /** The brokers do not let us in at the start: end the process. Until then it answers from what it has. */
  readonly failed?: (error: unknown) => void
}

export interface Sidecar {
  readonly port: number
  readonly url: string
  /** Ready once everything is in the views that was in the topics when they were first seen; from then on always. */
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
  let failure: unknown
  const failed = (error: unknown) => {
    if (failure !== undefined) return
    failure = error
    if (options.failed) options.failed(error)
    else logger.error({ error }, 'the sidecar cannot go on')
  }
  const auditLog =
    options.audit && (await AuditLog.open({ ...options.audit, clock, telemetry, logger }))
  const views = await openViews({ ...options, telemetry, logger, staleMs, failed }).catch(
    async (error: unknown) => {
      await auditLog?.close()
      throw error
    },
  )
  const ready = (): ReadyAnswer => {
    const reasons = views.all.flatMap(view => view.notReady())
    const notes = [...views.all, auditLog].flatMap(each => each?.fault ?? [])
    return { ready: reasons.length === 0, reasons: [...reasons, ...notes] }
  }
  const events = new EventWriter(options.log, options.eventsTopic ?? 'events', clock)
  const painter = new Painter()
  let http: Http
  try {
    http = await openHttp({
      host: options.host,
      port: options.port,
      health: async () => healthOf(failure),
      ready: async () => ready(),
      metrics: options.metrics ?? (() => telemetry.scrape()),
      ...(options.protection && { protection: options.protection }),
      routes: (app, access) =>
        addAllRoutes({
          ...deskOf(options, access),
          ...views,
          recommender: new Recommender(views),
          ...{ app, events, painter, telemetry, logger, auditLog },
        }),
      answered(route, status, durationMs) {
        telemetry.add('millrace_requests', 1, { route, status })
        telemetry.record('millrace_request_duration_ms', durationMs, { route })
      },
      failed: (error, route) => logger.error({ error, route }, 'a request failed'),
    })
  } catch (error) {
    await Promise.all([views.close(), painter.close(), auditLog?.close()])
    throw error
  }
  const purger =
    options.edge && new Purger({ ...options, ...views, ...options.edge, logger, telemetry })
  purger?.start()
  for (const view of views.all) view.start()

  const stop = async () => {
    await Promise.all([
      http.close({ graceMs: options.graceMs ?? 0 }),
      ...views.all.map(view => view.stop()),
    ])
    await Promise.all([events.close(), painter.close(), purger?.stop(), auditLog?.close()])
    await views.close()
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

function deskOf(options: SidecarOptions, access: Access) {
  const { blocks = [], protection, tokens, clock, version = '' } = options
  const { ampSenders = ['*'], log, eventsTopic: input = 'events', audit } = options
  return {
    blocks: new Map(blocks.map(block => [block.name, block])),
    readers: protection?.keyed ? createReaders(access) : openReaders,
    ...{ tokens, clock, version, page: options.page },
    edgeSeconds: options.edge?.seconds ?? 0,
    ampSenders: { senders: ampSenders, origins: mailOrigins },
    erasurePlaces: (at: number) => erasurePlaces({ log, input, at, auditDays: audit?.days }),
  }
}

function healthOf(failure: unknown): HealthAnswer {
  if (failure === undefined) return { alive: true }
  return { alive: false, reasons: [failure instanceof Error ? failure.message : String(failure)] }
}
