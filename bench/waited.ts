import { readFileSync } from 'node:fs'
import { readTicks } from './stolen-time.ts'

/** What kept work from the processors so far, in seconds. Linux only. */
export interface Waited {
  /** How long the process's first thread, on which Node runs JavaScript, could have run and others did. */
  readonly forProcessor: number
  /** What the machine below this one took of all processors together; 0 on a real one. */
  readonly stolen: number
}

/** Linux counts in hundredths of a second in /proc/stat, and in nanoseconds in schedstat. */
const [TICKS_PER_SECOND, NANOS_PER_SECOND] = [100, 1e9]

export function waitedOf(pid: number): Waited {
  const [, waited] = readFileSync(`/proc/${pid}/task/${pid}/schedstat`, 'latin1').split(' ')
  const { stolen } = readTicks()
  return { forProcessor: Number(waited) / NANOS_PER_SECOND, stolen: stolen / TICKS_PER_SECOND }
}
