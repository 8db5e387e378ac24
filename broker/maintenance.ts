import type { BrokerParts } from './api.ts'
import type { MaintenanceIntervals } from './broker.ts'
import { compact } from './compaction.ts'
import type { BrokerLog } from './log.ts'
import { retain } from './retention.ts'

/** `transactional.id.expiration.ms` and `producer.id.expiration.ms`: a day without a sign of the producer. */
const PRODUCER_EXPIRES_MS = 86_400_000

/** The broker's own work, beside answering. The answer stops it, and resolves when none is under way. */
export function startMaintenance(
  parts: BrokerParts,
  intervals: MaintenanceIntervals,
  log: BrokerLog,
): () => Promise<void> {
  const { clock, topics, transactions, groups } = parts
  const stopping = new AbortController()
  let compacting: Promise<void> = Promise.resolve()

  /** One kind of work that fails is told, and tried again at its next time. */
  const guarded = (what: string, work: () => void | Promise<void>) => async () => {
    try {
      await work()
    } catch (error) {
      log({
        level: 'error',
        message: `${what} failed: ${error instanceof Error ? error.stack : error}`,
      })
    }
  }
  const stops = [
    clock.every(
      intervals.transactionsMs,
      guarded('ending old transactions', () => transactions.expire()),
    ),
    clock.every(
      intervals.retentionMs,
      guarded('retention', () => {
        groups.expireOffsets()
        for (const topic of topics.list()) {
          for (const partition of topic.partitions) {
            partition.producers.expire(clock.now() - PRODUCER_EXPIRES_MS)
            retain(partition)
          }
        }
      }),
    ),
    clock.every(
      intervals.compactionMs,
      guarded('compaction', () => {
        compacting = (async () => {
          for (const topic of [...topics.list()]) {
            for (const partition of topic.partitions) await compact(partition, stopping.signal)
          }
        })()
        return compacting
      }),
    ),
  ]
  return async () => {
    for (const stop of stops) stop()
    stopping.abort()
    await compacting.catch(() => undefined)
  }
}
