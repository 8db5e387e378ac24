import type { Clock } from '../runtime/clock.ts'
import type { Deadlines } from '../runtime/deadlines.ts'
import type { Producer } from '../runtime/log.ts'
import type { Telemetry } from '../runtime/telemetry.ts'
import type { SinkFull, SinkRecord } from './sink.ts'
import type { ModeSwitch } from './sink-mode.ts'
import type { Spool } from './spool.ts'
import type { UnsettledSend } from './spool-drain.ts'
import type { SpoolLogger } from './spool-recovery.ts'
import type { TopicPartitions } from './topic-partitions.ts'

/** How records become safe, and when whoever put them is told. */
export interface Keeper {
  /** Of what waits in memory. */
  readonly bytes: number
  /** Resolves once all are safe; rejects with a `SinkFull`. Their bytes are copied before it returns. */
  put(records: readonly SinkRecord[]): Promise<void>
  /** Resolves when all is in the spool that was put before the mode became `returning`. */
  spooled(): Promise<void>
  /** Works until it is closed and nothing waits any more. Called once. */
  run(): Promise<void>
  close(): void
}

export interface KeeperOptions {
  readonly modes: ModeSwitch
  readonly spool: Spool
  readonly producer: Producer
  readonly partitions: TopicPartitions
  /** Brokers that take longer than this are treated as if they were away. */
  readonly acknowledgeMsMax: number
  readonly deadlines: Deadlines
  readonly clock: Clock
  readonly logger: SpoolLogger
  readonly telemetry: Telemetry
  /** Lets the spool be drained, from its start, after a send that failed or is late. */
  readonly drain: (unsettled: UnsettledSend | undefined) => void
  /** Counts what was refused, and says so. */
  readonly refused: (full: SinkFull, records: number) => void
}
