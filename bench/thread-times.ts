import { readdirSync } from 'node:fs'
import { cpuSecondsOf } from './measured-process.ts'

/** CPU seconds of a process by its threads. */
export interface ThreadTimes {
  /** Fetching, and handing to the lanes. */
  readonly main: number
  /** Of all lanes. */
  readonly lanes: number
  /** The collector, the compiler, LevelDB, DNS. */
  readonly rest: number
}

/** Of a process with so many lanes: next to the main thread they are the busiest. Linux only. */
export function threadTimes(pid: number, lanes: number): ThreadTimes {
  const all = readdirSync(`/proc/${pid}/task`).map(Number)
  const main = cpuSecondsOf(`${pid}/task/${pid}`)
  const others = all
    .filter(thread => thread !== pid)
    .map(thread => cpuSecondsOf(`${pid}/task/${thread}`))
    .sort((one, other) => other - one)
  const sum = (times: readonly number[]) => times.reduce((total, time) => total + time, 0)
  return { main, lanes: sum(others.slice(0, lanes)), rest: sum(others.slice(lanes)) }
}
