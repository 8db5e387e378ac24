import type { Clock } from '../runtime/clock.ts'
import type { Shop, ShopEvent } from './shop.ts'

export interface ShopPumpOptions {
  readonly shop: Shop
  /** Resolves when the events are safe. */
  readonly send: (events: readonly ShopEvent[]) => Promise<void>
  readonly eventsPerSecond: number
  readonly clock: Clock
  /** Ends it after the send under way. */
  readonly signal: AbortSignal
}

const STEP_MS = 25
/** After a pause (a broker that was away, a machine that slept) no more than this much is made up for, ms. */
const BEHIND_MS_MAX = 500

/** Lets a shop happen at a steady rate until the signal aborts. Rejects when its events are refused. */
export async function pumpShop(options: ShopPumpOptions): Promise<void> {
  const { shop, send, clock, signal, eventsPerSecond } = options
  let at = clock.elapsed()
  let owed = 0
  while (!signal.aborted) {
    const now = clock.elapsed()
    owed += (Math.min(now - at, BEHIND_MS_MAX) / 1000) * eventsPerSecond
    at = now
    const due = Math.floor(owed)
    owed -= due
    if (due > 0) await send(Array.from({ length: due }, () => shop.next(clock.now())))
    await clock.sleep(STEP_MS, signal)
  }
}
