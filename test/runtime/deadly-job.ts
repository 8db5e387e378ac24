const defineJobUrl = new URL('../../jobs/define-job.ts', import.meta.url).href

/** An event of the tests' job. */
export interface Bought {
  readonly user: string
  /** Added to the user's total; 1 when left out. */
  readonly value?: number
  /** What the job does to its thread or process on taking it: see `jobSource`. */
  readonly deed?: 'exit' | 'hang' | 'memory' | 'kill' | 'throw' | 'slow'
  readonly id?: string
  readonly at?: number
}

export interface Totals {
  readonly events: number
  readonly total: number
  /** Events of the last two seconds; only in jobs that shrink it. */
  readonly recent?: number
}

/**
 * The module of a job that does to its thread or process what an event's `deed` says, and counts the others.
 * `path`.fixed: once that file exists it throws no more. `features` and `triggers`: further ones. A timer of the user
 * `doomed` ends the process.
 */
export function jobSource(name: string, path: string, features: string, triggers = ''): string {
  return `
import { existsSync } from 'node:fs'
import { after, count, defineJob, first, sum } from '${defineJobUrl}'

function value({ properties }) {
  switch (properties.deed) {
    case 'exit': return process.exit(3)
    case 'hang': for (;;);
    case 'memory': { const hoard = []; for (;;) hoard.push(new Array(50_000).fill({}).map(() => ({ hoard }))) }
    case 'kill': return process.kill(process.pid, 'SIGKILL') && Number.NaN
    case 'throw': if (!existsSync('${path}.fixed')) throw new Error('the job does not like this one')
    break
    case 'slow': { const until = Date.now() + 1; while (Date.now() < until); }
  }
  return properties.value ?? 1
}

const job = defineJob({
  name: '${name}',
  input: '${name}-events',
  features: { events: count({ of: 'Bought' }), total: sum({ of: 'Bought', value }), ${features} },
  triggers: { firstBuy: first({ of: 'Bought' }), ${triggers} },
})

export default {
  ...job,
  fire(state, timer, context) {
    if (context.key === 'doomed') process.kill(process.pid, 'SIGKILL')
    job.fire(state, timer, context)
  },
}
`
}
