import { readFileSync } from 'node:fs'

/** What the processors did since the machine was started, in ticks. */
export interface Ticks {
  readonly all: number
  /** A virtual machine wanted to work, and its host let others. */
  readonly stolen: number
}

const STOLEN = 7

/** By `/proc/stat` of Linux, whose first line sums up the processors: user, nice, system, idle, iowait, irq, softirq, steal. */
export function readTicks(): Ticks {
  const [line = ''] = readFileSync('/proc/stat', 'latin1').split('\n', 1)
  const ticks = line
    .trim()
    .split(/\s+/)
    .slice(1, STOLEN + 2)
    .map(Number)
  return { all: ticks.reduce((sum, each) => sum + each, 0), stolen: ticks[STOLEN] ?? 0 }
}

/** Per cent of the time since then. */
export function stolenSince(before: Ticks): number {
  const now = readTicks()
  return (100 * (now.stolen - before.stolen)) / (now.all - before.all)
}
