import type { Job } from '../../jobs/job.ts'
import { BadRecord, decodeEvent } from '../../runtime/decode.ts'
import { retailEvents } from './events.ts'

/** What a job makes of a retail CSV when nothing but the job itself runs. */
export interface JobAlone {
  /** By customer. */
  readonly features: Map<string, Readonly<Record<string, unknown>>>
  /** Customers by name of the trigger that they fired, in order. */
  readonly triggers: Map<string, string[]>
  /** Events that no job takes, by code. */
  readonly bad: Map<string, number>
}

const nothing = () => undefined

/** Feeds each event to its customer's state: no broker, no lane, no commit. */
export async function runJobAlone<State>(job: Job<State>, path: string): Promise<JobAlone> {
  const states = new Map<string, State>()
  const triggers = new Map<string, string[]>()
  const bad = new Map<string, number>()
  for await (const { value } of retailEvents(path)) {
    try {
      const event = decodeEvent(Buffer.from(value), Number.MAX_SAFE_INTEGER)
      const key = event.userId
      const state = states.get(key) ?? job.create()
      states.set(key, state)
      job.absorb(state, event, {
        ...{ key, watermark: undefined, rekey: nothing, drop: nothing },
        emit: ({ name }) => triggers.set(name, [...(triggers.get(name) ?? []), key]),
      })
    } catch (error) {
      if (!(error instanceof BadRecord)) throw error
      bad.set(error.code, (bad.get(error.code) ?? 0) + 1)
    }
  }
  const features = new Map(Array.from(states, ([key, state]) => [key, job.row(state).features]))
  return { features, triggers, bad }
}
