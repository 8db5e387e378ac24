import type { Clock } from '../runtime/clock.ts'
import type { Telemetry } from '../runtime/telemetry.ts'
import type { SinkBatch } from './sink-batch.ts'
import { textOf } from './sink-send.ts'
import { Spool } from './spool.ts'
import type { SpoolLogger } from './spool-recovery.ts'

export interface SetAsideOptions {
  /** Beside the spool's. */
  readonly folder: string
  readonly clock: Clock
  readonly logger: SpoolLogger
  readonly telemetry: Telemetry
  /** The most that its files may have together; 64 MiB when not given. */
  readonly bytesMax?: number | undefined
}

const BYTES_MAX = 64 * 1024 * 1024
/** While records are set aside, it is said again no more often than so. */
const TELL_AGAIN_MS = 30_000

/**
 * Records that their topic will never take, such as one that is larger than it allows: kept on the disk, in files like
 * the spool's, for a person, so that they do not hold up what came after them. When there is no room for more of them,
 * they do.
 */
export class SetAside {
  readonly #spool: Spool
  readonly #options: SetAsideOptions
  readonly #removeGauge: () => void
  #toldAt = Number.NEGATIVE_INFINITY

  private constructor(options: SetAsideOptions, spool: Spool) {
    this.#options = options
    this.#spool = spool
    this.#removeGauge = options.telemetry.gauge('millrace_collect_set_aside_records', () => [
      { value: spool.records },
    ])
  }

  static async open(options: SetAsideOptions): Promise<SetAside> {
    const { bytesMax = BYTES_MAX, logger, folder } = options
    const spool = await Spool.open({ ...options, bytesMax })
    const { records } = spool
    if (records > 0) logger.warn({ folder, records }, 'records that no topic took lie here')
    return new SetAside(options, spool)
  }

  /** Whether they are on the disk now. */
  async keep(batch: SinkBatch, fault: unknown): Promise<boolean> {
    const { clock, logger, folder } = this.#options
    const frames = batch.frames(clock.now(), { copied: true })
    const kept = await this.#spool.append(frames).catch((error: unknown) => ({ error }))
    if (clock.elapsed() - this.#toldAt >= TELL_AGAIN_MS) {
      this.#toldAt = clock.elapsed()
      const fields = { topic: frames[0]?.topic, folder, reason: textOf(fault) }
      if ('error' in kept)
        logger.error(
          { ...fields, cause: textOf(kept.error) },
          'a record that its topic does not take cannot be set aside: what is behind it waits',
        )
      else logger.error(fields, 'a record that its topic does not take is set aside')
    }
    return !('error' in kept)
  }

  async close(): Promise<void> {
    this.#removeGauge()
    await this.#spool.close()
  }
}
