import { systemClock } from '../runtime/clock.ts'
import { type Figure, keep, losses, readKept } from './kept.ts'
import { machine, writeResults } from './results.ts'
import { writePage } from './targets.ts'
import { yardstick } from './yardstick.ts'

export interface Publication {
  /** The benchmark's heading in bench/RESULTS.md. */
  readonly title: string
  /** Beside the machine and the date: sizes, broker, load. */
  readonly how: string
  readonly summary: string
  readonly figures: readonly Figure[]
}

/**
 * Keeps what a run in full size has found: in bench/RESULTS.md for people, in bench/kept.json for the next run,
 * which is told where it lost, and in the table of targets.
 */
export function publish({ title, how, summary, figures }: Publication): void {
  const when = new Date(systemClock.now())
  const speed = yardstick()
  const now = { date: when.toISOString().slice(0, 10), yardstick: Math.round(speed), figures }
  for (const line of losses(readKept()[title], now)) console.log(line)
  keep(title, now)
  const about = `${machine(when)}; yardstick: ${now.yardstick}`
  writeResults(title, `${about}\n\n${how}\n\n${summary}`)
  writePage()
}
