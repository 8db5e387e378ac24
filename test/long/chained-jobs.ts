import { type Job, JobError } from '../../jobs/job.ts'

/** What is kept of a basket: how many things its owner has put in. */
interface Basket {
  things: number
}

/** What is kept of a thing: how often it was put into a basket, and how many of it. */
interface Thing {
  events: number
  amount: number
}

const settings = {
  idle: 'hold',
  outOfOrdernessMs: 1_000,
  latenessMs: 365 * 24 * 3_600_000,
  dedupe: { last: 50, withinMs: 24 * 3_600_000 },
  stateBytesMax: 4_096,
} as const

const noTimers = {
  nextTimer: () => undefined,
  fire: () => undefined,
  cancel: () => undefined,
  merge: () => undefined,
}

/** Keyed by user; tells each thing in an event's `things` that it was put into a basket. */
export function basketJob(name: string, target: string): Job<Basket> {
  return {
    ...settings,
    ...noTimers,
    ...{ name, input: `${name}-events`, hash: 'baskets', rekeys: [target] },
    create: () => ({ things: 0 }),
    encode: ({ things }, to) => to.value([things]),
    decode: from => ({ things: numbersOf(from.value())[0] ?? 0 }),
    absorb(state, { messageId, timestamp, properties }, { rekey }) {
      const things = properties.things as Readonly<Record<string, number>>
      for (const [key, amount] of Object.entries(things)) {
        const event = { type: 'track', messageId, timestamp, properties: { amount } }
        rekey({ to: target, key, event })
        state.things += amount
      }
    },
    row: ({ things }) => ({ features: { things }, segments: [] }),
  }
}

/** Keyed by thing. */
export function thingJob(name: string): Job<Thing> {
  return {
    ...settings,
    ...noTimers,
    ...{ name, input: `${name}-events`, hash: 'things' },
    create: () => ({ events: 0, amount: 0 }),
    encode: ({ events, amount }, to) => to.value([events, amount]),
    decode: from => {
      const [events = 0, amount = 0] = numbersOf(from.value())
      return { events, amount }
    },
    absorb(state, { properties }) {
      state.events++
      state.amount += Number(properties.amount)
    },
    row: ({ events, amount }) => ({ features: { events, amount }, segments: [] }),
  }
}

function numbersOf(encoded: unknown): number[] {
  if (Array.isArray(encoded)) return encoded.map(Number)
  throw new JobError('unknown_shape', 'expected numbers')
}
