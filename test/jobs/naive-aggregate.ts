import * as language from '../../jobs/define-job.ts'
import type { Event } from '../../jobs/event.ts'
import type { Feature } from '../../jobs/feature.ts'
import type { Windowed } from '../../jobs/window.ts'
import { assert } from '../harness.ts'

const hourMs = 3_600_000

/** One aggregate of the tests, in the language and recomputed from its window's events. */
export interface NaiveAggregate {
  readonly feature: (
    options: Windowed & { of?: string[]; where?: (event: Event) => boolean },
  ) => Feature
  /** Fails where `found` is not what these events make, the windows ending at `now`. */
  readonly check: (found: unknown, events: readonly Event[], now: number) => void
  /** The events that it takes; left out: all. */
  readonly sees?: (event: Event) => boolean
  /** Its order within a session depends on what joined what. */
  readonly notInSessions?: true
}

const amount = (event: Event) => event.properties.amount as number
const product = (event: Event) => event.properties.product as string
const hourOf = (event: Event) => Math.floor(event.timestamp / hourMs) % 24

const exactly =
  (naive: (events: readonly Event[], now: number) => unknown): NaiveAggregate['check'] =>
  (found, events, now) =>
    assert.equal(found, naive(events, now))

function nearly(found: unknown, expected: number | null): void {
  if (expected === null) assert.is(found, null)
  else assert.ok(Math.abs((found as number) - expected) <= 1e-9 * (1 + Math.abs(expected)))
}

const total = (events: readonly Event[]) => events.reduce((sum, event) => sum + amount(event), 0)
const byTime = (events: readonly Event[]) =>
  [...events].sort((left, right) => left.timestamp - right.timestamp)

export const aggregates: Readonly<Record<string, NaiveAggregate>> = {
  count: { feature: options => language.count(options), check: exactly(events => events.length) },
  sum: { feature: options => language.sum({ ...options, value: 'amount' }), check: exactly(total) },
  average: {
    feature: options => language.average({ ...options, value: 'amount' }),
    check: (found, events) =>
      nearly(found, events.length === 0 ? null : total(events) / events.length),
  },
  ratio: {
    feature: ({ of: _, ...options }) => language.ratio({ ...options, of: 'A', per: ['B', 'C'] }),
    sees: ({ event }) => event !== 'D',
    check(found, events) {
      const below = events.filter(({ event }) => event === 'B' || event === 'C').length
      nearly(found, below === 0 ? null : events.filter(({ event }) => event === 'A').length / below)
    },
  },
  min: {
    feature: options => language.min({ ...options, value: 'amount' }),
    check: exactly(events => (events.length === 0 ? null : Math.min(...events.map(amount)))),
  },
  max: {
    feature: options => language.max({ ...options, value: 'amount' }),
    check: exactly(events => (events.length === 0 ? null : Math.max(...events.map(amount)))),
  },
  firstValue: {
    feature: options => language.firstValue({ ...options, value: 'product' }),
    check: exactly(events => byTime(events).map(product)[0] ?? null),
  },
  lastValue: {
    feature: options => language.lastValue({ ...options, value: 'product' }),
    check: exactly(events => byTime(events).map(product).at(-1) ?? null),
  },
  distinct: {
    feature: options => language.distinct({ ...options, value: 'product' }),
    check: exactly(events => new Set(events.map(product)).size),
  },
  lastDistinct: {
    feature: options => language.lastDistinct({ ...options, value: 'product', keep: 3 }),
    check: exactly(events => [...new Set(events.map(product).reverse())].slice(0, 3)),
    notInSessions: true,
  },
  topK: {
    feature: options => language.topK({ ...options, value: 'product', k: 3, halfLife: '5h' }),
    check(found, events) {
      const newest = Math.max(...events.map(event => event.timestamp))
      const weights = new Map<string, number>()
      for (const event of events) {
        const weight = 2 ** ((event.timestamp - newest) / (5 * hourMs))
        weights.set(product(event), (weights.get(product(event)) ?? 0) + weight)
      }
      const shown = (found as string[]).map(value => weights.get(value) ?? Number.NaN)
      const best = [...weights.values()].sort((left, right) => right - left).slice(0, 3)
      assert.is(shown.length, best.length)
      for (const [at, weight] of shown.entries()) nearly(weight, best[at] as number)
    },
  },
  histogram: {
    feature: options => language.histogram({ ...options, by: 'hour' }),
    check: exactly(events =>
      Array.from(
        { length: 24 },
        (_, hour) => events.filter(event => hourOf(event) === hour).length,
      ),
    ),
  },
  labels: {
    feature: options => language.histogram({ ...options, by: 'product' }),
    check: exactly(events => {
      const names = [...new Set(events.map(product))].sort()
      return Object.fromEntries(
        names.map(name => [name, events.filter(event => product(event) === name).length]),
      )
    }),
  },
  edges: {
    feature: options => language.histogram({ ...options, by: 'amount', edges: [-2, 0, 3] }),
    check: exactly(events => {
      const within = (low: number, high: number) =>
        events.filter(event => amount(event) >= low && amount(event) < high).length
      return [within(-9, -2), within(-2, 0), within(0, 3), within(3, 9)]
    }),
  },
  decayedCount: {
    feature: ({ window: _, ...options }) => language.decayedCount({ ...options, halfLife: '3h' }),
    check(found, events, now) {
      const weight = (event: Event) => 2 ** ((event.timestamp - now) / (3 * hourMs))
      nearly(
        found,
        events.reduce((sum, event) => sum + weight(event), 0),
      )
    },
  },
  percentile: {
    feature: options => language.percentile({ ...options, value: 'amount', p: 50 }),
    check(found, events) {
      const sorted = events.map(amount).sort((left, right) => left - right)
      if (sorted.length === 0) return assert.is(found, null)
      const median = sorted[Math.floor((sorted.length - 1) / 2)] as number
      assert.ok(Math.abs((found as number) - median) <= 0.01 * Math.abs(median) + 1e-9)
    },
  },
}
