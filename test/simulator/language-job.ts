import {
  after,
  count,
  crosses,
  defineJob,
  derive,
  first,
  lastValue,
  process,
} from '../../jobs/define-job.ts'
import type { Feature } from '../../jobs/feature.ts'
import { type Job, JobError } from '../../jobs/job.ts'
import type { JobState } from '../../jobs/layout.ts'
import { partitionFor } from '../../protocol/murmur2.ts'
import type { OutgoingRecord } from '../../protocol/record-batch.ts'
import { aggregates } from '../jobs/naive-aggregate.ts'
import { windows } from '../jobs/naive-window.ts'
import type { Random } from './random.ts'
import type { EventInput } from './sim-feed.ts'

const minuteMs = 60_000
/** Of the simulation. */
const start = Date.UTC(2026, 0, 1)
/** Event time runs so much faster than the simulation's, so that windows of hours pass. */
const factor = 100
const behindMs = 30 * 24 * 3_600_000
const names = ['A', 'B', 'C', 'D']

/** A job of some aggregates in some windows, as test/jobs/every-window.test.ts has them, with one of each trigger. */
export function languageJob(random: Random): Job<JobState> {
  const features: Record<string, Feature> = {}
  for (let left = random.between(2, 8); left > 0; left--) {
    const word = random.pick(Object.keys(aggregates))
    const name = word === 'decayedCount' ? 'all time' : random.pick(Object.keys(windows))
    const window = windows[name]?.window
    const of = random.chance(0.5) ? { of: random.chance(0.5) ? ['A', 'B'] : ['C', 'D'] } : {}
    const feature = aggregates[word]?.feature({ ...of, ...(window !== undefined && { window }) })
    if (feature !== undefined) features[`${word}_${name.replace(' ', '_')}_${left}`] = feature
  }
  return defineJob({
    ...{ name: 'sim', input: 'events', idle: 'hold' },
    decay: random.pick(['event', 'time'] as const),
    outOfOrderness: random.pick(['1m', '10m']),
    lateness: random.pick(['10m', '3h']),
    dedupe: { last: 5, within: '2h' },
    features: {
      ...features,
      recent: count({ over: '1h', every: '10m' }),
      ever: count({ of: 'A' }),
      last: lastValue({ value: 'product' }),
      perHour: derive({ from: ['recent', 'ever'], value: (recent, ever) => recent / ever }),
      streak,
    },
    segments: { busy: row => row.recent >= 3 },
    triggers: {
      begun: first({ of: 'B' }),
      left: after('30m', { from: 'A', unless: 'B' }),
      many: crosses({ feature: 'recent', above: 4 }),
    },
  })
}

/** Every event moves its timer, and throws now and then. */
const streak = process<{ length: number; lost: number }>({
  of: ['A', 'C'],
  create: () => ({ length: 0, lost: 0 }),
  on(state, event, { time, setTimer, emit }) {
    state.length++
    setTimer('lost', time + 45 * minuteMs)
    if (state.length === 3) emit('three')
    if (event.properties.amount === -5)
      throw new JobError('no_such_amount', 'of this amount there is none')
  },
  timer(state, name, { emit }) {
    state.length = 0
    state.lost++
    if (state.lost % 7 === 6) throw new JobError('no_such_timer', 'of these there are six')
    emit(name)
  },
  value: state => ({ ...state }),
})

/** Events for it, with all that a producer does wrong: doubled, out of order, late, without what features need. */
export class LanguageInput implements EventInput {
  private readonly random: Random
  private readonly partitions: number
  private readonly users: number
  private readonly recent: OutgoingRecord[] = []
  private sent = 0

  constructor(random: Random, partitions: number, users: number) {
    this.random = random
    this.partitions = partitions
    this.users = users
  }

  next(now: number): { partition: number; record: OutgoingRecord } {
    const { random, recent } = this
    const again = recent.length > 0 && random.chance(0.1)
    const record = again ? random.pick(recent) : this.record(now)
    recent.push(record)
    if (recent.length > 20) recent.shift()
    return { partition: partitionFor(Buffer.from(record.key ?? ''), this.partitions), record }
  }

  private record(now: number): OutgoingRecord {
    const { random } = this
    const userId = `user-${random.below(this.users)}`
    const time = Math.floor(start - behindMs + (now - start) * factor)
    const lateMs = random.chance(0.7) ? 0 : random.below(random.pick([5, 60, 600]) * minuteMs)
    const product = random.chance(0.03) ? {} : { product: `p${random.below(7)}` }
    const timezone = random.pick(['', 'Etc/GMT-3', 'Etc/GMT-11'])
    const event = {
      ...{ messageId: `m${++this.sent}`, type: 'track', userId, event: random.pick(names) },
      timestamp: time - lateMs,
      properties: { ...product, amount: random.between(-5, 5) },
      context: timezone === '' ? {} : { timezone },
    }
    return { key: userId, value: JSON.stringify(event) }
  }
}
