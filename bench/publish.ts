import { systemClock } from '../runtime/clock.ts'
import { type Figure, keep, losses, readKept } from './kept.ts'
import { machine, writeResults } from './results.ts'
import { writePage } from './targets.ts'
import { yardstick } from './yardstick.ts'

export interface Publication {
  /** The benchmark's heading in bench/RESULTS.md. */
  readonly title: string
  /** Sizes and broker: only runs that say the same here are held against each other. */
  readonly how: string
  /** What else the machine had to do. */
  readonly load?: string
  readonly summary: string
  readonly figures: readonly Figure[]
}

/**
 * Keeps what a run in full size has found: in bench/RESULTS.md for people, in bench/kept.json for the next run,
 * which is told where it lost, and in the table of targets.
 */
export function publish({ title, how, load, summary, figures }: Publication): void {
  const when = new Date(systemClock.now())
  const speed = yardstick()
  const now = { date: when.toISOString().slice(0, 10), how, yardstick: Math.round(speed), figures }
  for (const line of losses(readKept()[title], now)) console.log(line)
  keep(title, now)
  const about = `${machine(when)}; yardstick: ${now.yardstick}`
  const all = load === undefined ? how : `${how}; ${load}`
  writeResults(title, `${about}\n\n${all}\n\n${summary}`)
  writePage()
}
