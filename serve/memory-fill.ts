import type { Clock } from '../runtime/clock.ts'
import type { View } from './view.ts'

/** The topic's news come first after a start. */
const BEGIN_MS = 1_000
/** Rows that are asked for in a ms; with more, requests have the processor, and bring in themselves what they ask for. */
const BUSY = 0.2
const REST_MS_BUSY = 100
const REST_MS_MIN = 1
/** The disk is broken, which is told by others, and may be mended. */
const RETRY_MS = 1_000

/**
 * Takes what the disk has into memory, bit by bit, as long as there is room: half of the time where nobody asks, and
 * hardly any of it in a burst. Never rejects.
 */
export async function fillMemory(
  view: Pick<View, 'fillAfter' | 'newest'>,
  clock: Clock,
  signal: AbortSignal,
): Promise<void> {
  await clock.sleep(BEGIN_MS, signal)
  let key: string | undefined = ''
  while (key !== undefined && !signal.aborted) {
    const [begun, asked] = [clock.elapsed(), view.newest.asked]
    try {
      key = await view.fillAfter(key)
    } catch {
      await clock.sleep(RETRY_MS, signal)
      continue
    }
    const tookMs = Math.max(REST_MS_MIN, clock.elapsed() - begun)
    await clock.sleep(tookMs, signal)
    const isBusy = view.newest.asked - asked > 2 * tookMs * BUSY
    if (isBusy) await clock.sleep(REST_MS_BUSY, signal)
  }
}
