import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { FastifyInstance } from 'fastify'
import type { Access } from '../../http/access.ts'
import type { Protection } from '../../http/protection.ts'
import { createApp } from '../../http/server.ts'
import { systemClock } from '../../runtime/clock.ts'
import type { Log } from '../../runtime/log.ts'
import { noTelemetry } from '../../runtime/telemetry.ts'
import { addAllRoutes } from '../../serve/all-routes.ts'
import { mailOrigins } from '../../serve/amp-cors.ts'
import { readCatalogueRow } from '../../serve/catalogue-row.ts'
import type { Desk } from '../../serve/desk.ts'
import { EventWriter } from '../../serve/event-writer.ts'
import { Painter } from '../../serve/painter.ts'
import { fromStart } from '../../serve/progress.ts'
import { createReaders, openReaders } from '../../serve/readers.ts'
import { Recommender } from '../../serve/recommender.ts'
import { decodeRow, encodeRow, parseRow, type Row } from '../../serve/row.ts'
import { TopicView } from '../../serve/topic-view.ts'
import { PackedValues } from '../../state/packed-values.ts'

const silent = { info: () => undefined, warn: () => undefined, error: () => undefined }
const now = systemClock.now()

/** Views with rows in them, which no log is followed for. */
export class DeskWorld {
  readonly folder: string
  readonly views: TopicView[] = []
  readonly painter = new Painter()

  constructor(folder: string) {
    this.folder = folder
  }

  static async open(): Promise<DeskWorld> {
    return new DeskWorld(await mkdtemp(join(tmpdir(), 'millrace-api-')))
  }

  async view(topic: string, rows: readonly Row[], keyOf: (row: Row) => string) {
    const view = await this.#open(topic)
    this.views.push(view)
    await view.view.reset(topic, [fromStart(0, now)])
    const read = { next: rows.length, atEnd: now, newest: now, since: now }
    await view.view.apply(
      0,
      rows.map(row => [keyOf(row), encodeRow(row)] as const),
      read,
    )
    await view.view.flush()
    return view
  }

  /** The same view after a restart, of which nothing is in memory. */
  async reopened(view: TopicView): Promise<TopicView> {
    await view.close()
    const again = await this.#open(view.topic, new PackedValues(0))
    this.views.splice(this.views.indexOf(view), 1, again)
    return again
  }

  #open(topic: string, packed?: PackedValues): Promise<TopicView> {
    return TopicView.open({
      ...{ topic, folder: join(this.folder, topic), clock: systemClock, logger: silent },
      ...{ log: {} as Log, telemetry: noTelemetry, staleMs: 5_000, failed: () => undefined },
      ...(packed && { packed }),
    })
  }

  async close(): Promise<void> {
    await this.painter.close()
    for (const view of this.views) await view.close()
    await rm(this.folder, { recursive: true, force: true })
  }

  /** All routes over these views, without a socket. */
  app(
    desk: Pick<Desk, 'features' | 'products' | 'catalogue'> & Partial<Desk>,
    protection?: Protection,
  ) {
    const { products, catalogue, pairs } = desk
    const own = (app: FastifyInstance, access: Access): Omit<Desk, 'audit'> => ({
      ...{
        app,
        tokens: undefined,
        version: '1.2.3',
        blocks: new Map(),
        page: undefined,
        edgeSeconds: 0,
      },
      recommender: new Recommender({ products, catalogue, pairs }),
      ...{ clock: systemClock, telemetry: noTelemetry, logger: silent },
      painter: this.painter,
      events: new EventWriter({} as Log, 'events', systemClock),
      ampSenders: { senders: ['*'], origins: mailOrigins },
      auditLog: undefined,
      erasurePlaces: async () => [],
      readers: protection === undefined ? openReaders : createReaders(access),
      pairs,
      ...desk,
    })
    return createApp({
      health: async () => ({ alive: true }),
      ready: async () => ({ ready: true, reasons: [] }),
      metrics: async () => '',
      ...(protection && { protection }),
      routes: (app, access) => addAllRoutes(own(app, access)),
    })
  }
}

export function row(key: string, content: Record<string, unknown>, segments: string[] = []): Row {
  const value = { key, version: [1, 0], asOf: now, features: content, segments }
  const made = parseRow(key, Buffer.from(JSON.stringify(value)), 0)
  if (typeof made === 'string') throw new Error(made)
  return made
}

export function entry(content: Record<string, unknown>): Row {
  const made = readCatalogueRow(String(content.id), Buffer.from(JSON.stringify(content)), 0, 1)
  if (typeof made === 'string') throw new Error(made)
  return decodeRow(made)
}

export function keyOf({ json }: Row): string {
  const { key, id } = JSON.parse(json) as { key?: string; id?: string }
  return key ?? id ?? ''
}
