import { type Job, JobError, type Timer } from '../../jobs/job.ts'

export interface SimState {
  count: number
  sum: number
  /** A hash over the message ids in their order: lost, doubled and exchanged events all change it. */
  chain: number
  /** The same over the timers that fired. */
  timerChain: number
  /** In no order. */
  timers: { time: number; name: string }[]
  /** What the second definition of the job counts; the first one does not know it. */
  extra: number
}

/** An event with this property must go to the dead letters. */
export const POISON = 'poison'
/** An event with this property leaves a timer behind that throws. */
export const BOMB = 'bomb'
/** An event with this property ends what takes it: `'lane'` or `'process'`. */
export const DEADLY = 'deadly'

/** The features that no timer touches, in each definition. */
export const TIMELESS = ['count', 'sum', 'chain']

const MINUTE_MS = 60_000
/** How long after an event its timers of this name are due; each ends in an output. */
export const TIMER_MS = { silent: 2 * MINUTE_MS, bomb: MINUTE_MS }

export interface SimJobOptions {
  readonly idle: Job['idle']
  /** The definition: the second has one feature more. */
  readonly definition?: 1 | 2
  readonly name?: string
  readonly input?: string
}

/** A job made for being checked: its row tells whether every event and timer came once and in order. */
export function simJob({
  idle,
  definition = 1,
  name = 'sim',
  input = 'events',
}: SimJobOptions): Job<SimState> {
  const second = definition === 2
  return {
    name,
    input,
    hash: `sim-${definition}`,
    idle,
    outOfOrdernessMs: 5_000,
    latenessMs: 2 * MINUTE_MS,
    dedupe: { last: 4, withinMs: 4 * MINUTE_MS },
    stateBytesMax: 64 * 1024,

    create: () => ({ count: 0, sum: 0, chain: 0, timerChain: 0, timers: [], extra: 0 }),
    encode({ count, sum, chain, timerChain, timers, extra }, to) {
      const named = timers.map(({ time, name }) => [time, name])
      to.value([count, sum, chain, timerChain, named, ...(second ? [extra] : [])])
    },
    decode(from) {
      const state = decode(from.value())
      return second ? state : { ...state, extra: 0 }
    },

    absorb(state, event, { emit }) {
      const { properties, messageId, timestamp } = event
      // Who runs the job ends before it comes here; that it came is a mistake that must be seen.
      if (properties[DEADLY] !== undefined) throw new JobError('survived', `${messageId} is deadly`)
      if (properties[POISON] === true) throw new JobError('poisoned', `${messageId} is poisoned`)
      state.count++
      state.extra++
      state.sum += typeof properties.value === 'number' ? properties.value : 0
      state.chain = chained(state.chain, messageId)
      const reason = messageId
      if (state.count === 1) emit({ name: 'first', reason, time: timestamp })
      if (state.count % 3 === 0) emit({ name: 'third', reason, time: timestamp })
      setTimer(state, 'silent', timestamp + TIMER_MS.silent)
      setTimer(state, `decay-${state.count % 3}`, timestamp + 7 * MINUTE_MS)
      if (properties[BOMB] === true) setTimer(state, 'bomb', timestamp + TIMER_MS.bomb)
    },

    nextTimer: ({ timers }) => {
      let first: Timer | undefined
      for (const timer of timers) if (!first || isBefore(timer, first)) first = timer
      return first && { ...first }
    },

    fire(state, timer, { emit }) {
      if (timer.name === 'bomb') throw new JobError('bombed', 'this timer always throws')
      state.timers = state.timers.filter(each => each.name !== timer.name)
      state.timerChain = chained(state.timerChain, `${timer.name}@${timer.time}`)
      if (timer.name === 'silent') emit({ name: 'silent', reason: '', time: timer.time })
    },

    cancel(state, timer) {
      state.timers = state.timers.filter(each => each.name !== timer.name)
    },

    merge(into, from) {
      into.count += from.count
      into.sum += from.sum
      into.chain = chained(into.chain, String(from.chain))
    },

    row: ({ count, sum, chain, timerChain, extra }) => ({
      features: { count, sum, chain, timerChain, ...(second ? { extra } : {}) },
      segments: count >= 3 ? ['regular'] : [],
    }),
  }
}

type Encoded = [number, number, number, number, [number, string][], number?]

function decode(encoded: unknown): SimState {
  if (!Array.isArray(encoded) || encoded.length < 5 || encoded.length > 6) {
    throw new JobError('unknown_shape', 'expected the five or six fields of a SimState')
  }
  const [count, sum, chain, timerChain, timers, extra = 0] = encoded as Encoded
  const named = timers.map(([time, name]) => ({ time, name }))
  return { count, sum, chain, timerChain, timers: named, extra }
}

function setTimer(state: SimState, name: string, time: number): void {
  state.timers = [...state.timers.filter(timer => timer.name !== name), { time, name }]
}

function isBefore(left: Timer, right: Timer): boolean {
  return left.time !== right.time ? left.time < right.time : left.name < right.name
}

function chained(chain: number, text: string): number {
  let value = chain ^ 0x811c9dc5
  for (let at = 0; at < text.length; at++)
    value = Math.imul(value ^ text.charCodeAt(at), 0x01000193)
  return value >>> 0
}
