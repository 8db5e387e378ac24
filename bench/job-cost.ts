import { createHash } from 'node:crypto'
import { Shop } from '../cli/shop.ts'
import email from '../jobs/email.ts'
import type { Event } from '../jobs/event.ts'
import type { Job, JobContext } from '../jobs/job.ts'
import { decodedAlone, encodedAlone } from '../jobs/state-bytes.ts'
import { StateWriter } from '../state/state-writer.ts'
import peer from './peer-job.ts'
import { table } from './results.ts'

export const jobCostHelp = `npm run bench -- job
  What a job costs by itself, without broker and threads: CPU µs for taking one event into its user's state,
  for encoding and decoding one state, and for making one row; bytes of a state; and a hash of all rows.`

const nothing = () => undefined
const context: JobContext = {
  ...{ key: '', watermark: undefined },
  ...{ emit: nothing, rekey: nothing, drop: nothing },
}

/** Few users with many events each, whose states lie in the processor's cache, and many with few. */
const sizes = [
  { users: 20, events: 20_000 },
  { users: 20_000, events: 200_000 },
]

export async function jobCost(): Promise<void> {
  const rows = sizes.flatMap(({ users, events }) => {
    const list = shopEvents(users, events)
    return [email, peer].map(job => [job.name, users, events, ...measured(job, list)])
  })
  const heads = [
    'job',
    'users',
    'events',
    'absorb µs',
    'encode µs',
    'decode µs',
    'row µs',
    'bytes a user',
    'hash of rows',
  ]
  console.log(table(heads, rows))
}

function measured<State>(job: Job<State>, events: readonly Event[]): (string | number)[] {
  // Twice, so that the second run is of compiled code.
  run(job, events)
  const { micros, states, encoded, rows } = run(job, events)
  const bytes = encoded.reduce((sum, { length }) => sum + length, 0)
  const hash = createHash('sha256').update(JSON.stringify(rows)).digest('hex').slice(0, 16)
  return [...micros.map(each => Number(each.toFixed(2))), Math.round(bytes / states.length), hash]
}

function run<State>(job: Job<State>, events: readonly Event[]) {
  const byUser = new Map<string, State>()
  const ofEvent = events.map(({ userId }) => {
    const state = byUser.get(userId) ?? job.create()
    byUser.set(userId, state)
    return state
  })
  const states = [...byUser.values()]
  const rounds = Math.ceil(100_000 / states.length)
  const absorb = cpuMicros(events.length, 1, index => {
    const [state, event] = [ofEvent[index], events[index]]
    if (state !== undefined && event !== undefined) job.absorb(state, event, context)
  })
  const encoded = states.map(state => encodedAlone(job, state))
  const writer = new StateWriter()
  const each = (body: (state: State) => void) =>
    cpuMicros(states.length, rounds, index => body(states[index] as State))
  const micros = [
    absorb,
    each(state => {
      writer.clear()
      job.encode(state, writer)
    }),
    cpuMicros(states.length, rounds, index => decodedAlone(job, encoded[index] as Uint8Array)),
    each(state => job.row(state)),
  ]
  return { micros, states, encoded, rows: states.map(state => job.row(state)) }
}

function cpuMicros(count: number, rounds: number, body: (index: number) => void): number {
  const before = process.cpuUsage()
  for (let round = 0; round < rounds; round++)
    for (let index = 0; index < count; index++) body(index)
  const { user, system } = process.cpuUsage(before)
  return (user + system) / count / rounds
}

function shopEvents(users: number, count: number): Event[] {
  const shop = new Shop({ seed: 1, users })
  return Array.from({ length: count }, (_, index) => {
    const { messageId, type, event, userId, timestamp, properties, context } = shop.next(
      Date.UTC(2026, 0, 1) + index * 10_000,
    )
    return {
      key: userId,
      messageId,
      type,
      event,
      userId,
      anonymousId: undefined,
      timestamp: Date.parse(timestamp),
      sentAt: undefined,
      receivedAt: undefined,
      properties: { price: 1, quantity: 1, ...properties },
      traits: {},
      context,
      state: undefined,
    }
  })
}
