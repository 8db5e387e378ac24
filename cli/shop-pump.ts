import { partitionFor } from '../protocol/murmur2.ts'
import type { OutgoingRecord } from '../protocol/record-batch.ts'
import type { Clock } from '../runtime/clock.ts'
import type { Producer } from '../runtime/log.ts'
import type { Shop } from './shop.ts'

export interface ShopPumpOptions {
  readonly shop: Shop
  readonly producer: Producer
  readonly topic: string
  /** How many partitions the topic has. */
  readonly partitions: number
  readonly eventsPerSecond: number
  readonly clock: Clock
  /** Ends it after the send under way. */
  readonly signal: AbortSignal
  /** Called after each acknowledged send, with how many events it had. */
  readonly onSent?: (events: number) => void
}

const STEP_MS = 25
/** After a pause (a broker that was away, a machine that slept) no more than this much is made up for, ms. */
const BEHIND_MS_MAX = 500

/** Lets a shop happen at a steady rate until the signal aborts. Rejects when the log refuses a send. */
export async function pumpShop(options: ShopPumpOptions): Promise<void> {
  const { shop, producer, clock, signal, eventsPerSecond, onSent } = options
  let at = clock.elapsed()
  let owed = 0
  while (!signal.aborted) {
    const now = clock.elapsed()
    owed += (Math.min(now - at, BEHIND_MS_MAX) / 1000) * eventsPerSecond
    at = now
    const due = Math.floor(owed)
    owed -= due
    if (due > 0) {
      await producer.send(appends(shop, due, options))
      onSent?.(due)
    }
    await clock.sleep(STEP_MS, signal)
  }
}

function appends(shop: Shop, count: number, { topic, partitions, clock }: ShopPumpOptions) {
  const byPartition = new Map<number, OutgoingRecord[]>()
  for (let made = 0; made < count; made++) {
    const event = shop.next(clock.now())
    const partition = partitionFor(Buffer.from(event.userId), partitions)
    const records = byPartition.get(partition) ?? []
    records.push({ key: event.userId, value: JSON.stringify(event) })
    byPartition.set(partition, records)
  }
  return Array.from(byPartition, ([partition, records]) => ({ topic, partition, records }))
}
