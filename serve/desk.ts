import type { FastifyInstance } from 'fastify'
import type { BaseLogger } from 'pino'
import type { Block } from '../content/block.ts'
import type { Tokens } from '../http/tokens.ts'
import type { Clock } from '../runtime/clock.ts'
import type { Telemetry } from '../runtime/telemetry.ts'
import type { AmpSenders } from './amp-cors.ts'
import type { Audit } from './audit.ts'
import type { AuditLog } from './audit-log.ts'
import type { Place } from './erasure-places.ts'
import type { EventWriter } from './event-writer.ts'
import type { PageSettings } from './page-routes.ts'
import type { Painter } from './painter.ts'
import type { Readers } from './readers.ts'
import type { Recommender } from './recommender.ts'
import type { Views } from './views.ts'

/** What every route answers from; each part of serve is a function that adds its routes to a desk. */
export interface Desk extends Omit<Views, 'all' | 'close'> {
  readonly app: FastifyInstance
  readonly recommender: Recommender
  /** By name. */
  readonly blocks: ReadonlyMap<string, Block>
  readonly readers: Readers
  /** Is told of each read of a person's data. */
  readonly audit: Audit
  /** Where that is written; nowhere when not given. */
  readonly auditLog: AuditLog | undefined
  /** What signs and opens the tokens in URLs; without it there are no such URLs. */
  readonly tokens: Tokens | undefined
  /** Everywhere that an erasure of that moment, epoch ms, has to reach. */
  readonly erasurePlaces: (at: number) => Promise<readonly Place[]>
  /** Writes to the topic that the job reads. */
  readonly events: EventWriter
  readonly painter: Painter
  /** Of the page at `/`, where there is to be one. */
  readonly page: PageSettings | undefined
  /** Whose emails may ask by AMP. */
  readonly ampSenders: AmpSenders
  /** How long a CDN that is told of changes may keep an answer, s; 0: not at all. */
  readonly edgeSeconds: number
  /** Of Millrace. */
  readonly version: string
  readonly clock: Clock
  readonly telemetry: Telemetry
  readonly logger: Pick<BaseLogger, 'info' | 'warn' | 'error'>
}
