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
}

/** An event with this property must go to the dead letters. */
export const POISON = 'poison'
/** An event with this property leaves a timer behind that throws. */
export const BOMB = 'bomb'

const MINUTE_MS = 60_000

/** A job made for being checked: its row tells whether every event and timer came once and in order. */
export function simJob(options: { readonly idle: Job['idle'] }): Job<SimState> {
  return {
    name: 'sim',
    input: 'events',
    hash: 'sim-1',
    idle: options.idle,
    outOfOrdernessMs: 5_000,
    latenessMs: 2 * MINUTE_MS,
    dedupe: { last: 4, withinMs: 4 * MINUTE_MS },
    stateBytesMax: 64 * 1024,

    create: () => ({ count: 0, sum: 0, chain: 0, timerChain: 0, timers: [] }),
    encode: ({ count, sum, chain, timerChain, timers }) => [
      count,
      sum,
      chain,
      timerChain,
      timers.map(({ time, name }) => [time, name]),
    ],
    decode,

    absorb(state, event, { emit }) {
      const { properties, messageId, timestamp } = event
      if (properties[POISON] === true) throw new JobError('poisoned', `${messageId} is poisoned`)
      state.count++
      state.sum += typeof properties.value === 'number' ? properties.value : 0
      state.chain = chained(state.chain, messageId)
      const reason = messageId
      if (state.count === 1) emit({ name: 'first', reason, time: timestamp })
      if (state.count % 3 === 0) emit({ name: 'third', reason, time: timestamp })
      setTimer(state, 'silent', timestamp + 2 * MINUTE_MS)
      setTimer(state, `decay-${state.count % 3}`, timestamp + 7 * MINUTE_MS)
      if (properties[BOMB] === true) setTimer(state, 'bomb', timestamp + MINUTE_MS)
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

    row: ({ count, sum, chain, timerChain }) => ({
      features: { count, sum, chain, timerChain },
      segments: count >= 3 ? ['regular'] : [],
    }),
  }
}

function decode(encoded: unknown): SimState {
  if (!Array.isArray(encoded) || encoded.length !== 5) {
    throw new JobError('unknown_shape', 'expected the five fields of a SimState')
  }
  const [count, sum, chain, timerChain, timers] = encoded as [
    number,
    number,
    number,
    number,
    [number, string][],
  ]
  return { count, sum, chain, timerChain, timers: timers.map(([time, name]) => ({ time, name })) }
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
