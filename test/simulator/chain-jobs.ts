import type { Job } from '../../jobs/job.ts'
import { BOMB, type SimState, simJob } from './sim-job.ts'

/** The second job's input; the first one rekeys to it. */
export const CHAINED_TOPIC = 'things'

interface ChainOptions {
  readonly idle: Job['idle']
  readonly users: number
}

/** `simJob`, which also sends what each event is worth to one or two other keys, before it looks at the event. */
export function chainSource({ idle, users }: ChainOptions): Job<unknown> {
  const job = simJob({ idle })
  const source: Job<SimState> = {
    ...job,
    hash: 'sim-chain',
    rekeys: [CHAINED_TOPIC],
    absorb(state, event, context) {
      const { messageId, timestamp } = event
      const value = Number(event.properties.value)
      const targets = value % 10 === 0 ? [0, 1] : [value]
      for (const target of targets) {
        const key = `user-${target % users}${(target % users) % 5 === 0 ? '-ü' : ''}`
        const properties = { value, ...(value % 17 === 0 && { [BOMB]: true }) }
        context.rekey({
          to: CHAINED_TOPIC,
          key,
          event: { type: 'track', event: 'Thing Counted', messageId, timestamp, properties },
        })
      }
      job.absorb(state, event, context)
    },
  }
  return source as Job<unknown>
}

/** Takes what the first job sends, and what comes directly, and is late sooner than it. */
export function chainTarget({ idle }: ChainOptions): Job<unknown> {
  const job = simJob({ idle, name: 'sum', input: CHAINED_TOPIC })
  return { ...job, latenessMs: 20_000 } as Job<unknown>
}
