import {
  average,
  count,
  days,
  decayedCount,
  defineJob,
  distinct,
  firstTime,
  firstValue,
  histogram,
  hopping,
  lastDistinct,
  lastTime,
  lastValue,
  max,
  min,
  percentile,
  ratio,
  rolling,
  sessions,
  sum,
  topK,
  tumbling,
} from '../../jobs/define-job.ts'
import type { Event } from '../../jobs/event.ts'
import type { Feature } from '../../jobs/feature.ts'
import type { Window, Windowed } from '../../jobs/window.ts'

export type Decay = 'event' | 'time'

const hourMs = 3_600_000
const dayMs = 24 * hourMs

/** A window in the language, and in SQL which rows lie in it: `ms` of the row, `now` of its user. */
export interface MomentWindow {
  readonly window: Window | undefined
  readonly rows: string
  /** The row's tile, which orders the values of `lastDistinct`. */
  readonly tile: string
}

export const windows: Readonly<Record<string, MomentWindow>> = {
  ever: { window: undefined, rows: 'true', tile: '0' },
  rolling: {
    window: rolling('30d', '1d'),
    rows: `ms // ${dayMs} > now // ${dayMs} - 30`,
    tile: `ms // ${dayMs}`,
  },
  hours: {
    window: rolling('12h', '1h'),
    rows: `ms // ${hourMs} > now // ${hourMs} - 12`,
    tile: `ms // ${hourMs}`,
  },
  tumbling: {
    window: tumbling('7d'),
    rows: `ms // ${7 * dayMs} = now // ${7 * dayMs}`,
    tile: '0',
  },
  hopping: {
    window: hopping('4d', '2d'),
    rows: `ms // ${2 * dayMs} >= now // ${2 * dayMs} - 2 AND ms // ${2 * dayMs} < now // ${2 * dayMs}`,
    tile: `ms // ${2 * dayMs}`,
  },
  visit: { window: sessions('30m'), rows: 'session = sessions AND isOpen', tile: '0' },
  // 'Etc/GMT-3' is three hours ahead of UTC.
  today: {
    window: days('Etc/GMT-3'),
    rows: `(ms + ${3 * hourMs}) // ${dayMs} = (now + ${3 * hourMs}) // ${dayMs}`,
    tile: '0',
  },
}

/**
 * An aggregate in the language, and in SQL over the rows of one user: `event`, `ms`, `line`, `amount`, `product`,
 * `kind`. `none`: what it is of no rows.
 */
export interface MomentAggregate {
  readonly feature: (window: Windowed) => Feature
  readonly sql: string
  readonly none: unknown
  /** How far it may be off, as a part of the value. */
  readonly within?: number
}

const of = ['Bought', 'Returned']
const amount = { of, value: 'amount' }
const product = { of, value: 'product' }
const hours = Array.from({ length: 24 }, (_, hour) => hour)

export const aggregates: Readonly<Record<string, MomentAggregate>> = {
  count: { feature: window => count({ of, ...window }), sql: 'count(*)', none: 0 },
  net: {
    feature: window => sum({ of: 'Bought', minus: 'Returned', value: 'amount', ...window }),
    sql: "sum(CASE event WHEN 'Bought' THEN amount ELSE -amount END)",
    none: 0,
  },
  average: {
    feature: window => average({ ...amount, ...window }),
    sql: 'sum(amount) / count(*)',
    none: null,
  },
  min: { feature: window => min({ ...amount, ...window }), sql: 'min(amount)', none: null },
  max: { feature: window => max({ ...amount, ...window }), sql: 'max(amount)', none: null },
  median: {
    feature: window => percentile({ ...amount, p: 50, ...window }),
    sql: 'quantile_disc(amount, 0.5)',
    none: null,
    within: 0.01,
  },
  distinct: {
    feature: window => distinct({ ...product, exact: 10_000, ...window }),
    sql: 'count(DISTINCT product)',
    none: 0,
  },
  first: {
    feature: window => firstValue({ ...product, ...window }),
    sql: 'arg_min(product, ms * 1000000 + line)',
    none: null,
  },
  last: {
    feature: window => lastValue({ ...product, ...window }),
    sql: 'arg_max(product, ms * 1000000 + line)',
    none: null,
  },
  lastDistinct: {
    feature: window => lastDistinct({ ...product, keep: 5, ...window }),
    sql: 'any_value(lastProducts)',
    none: [],
  },
  topK: {
    feature: window => topK({ of, value: 'kind', k: 3, compete: 1_000, ...window }),
    sql: 'any_value(topKinds)',
    none: [],
  },
  hours: {
    feature: window => histogram({ of, by: 'hour', ...window }),
    sql: `[${hours.map(hour => `count(*) FILTER (ms // ${hourMs} % 24 = ${hour})`)}]`,
    none: hours.map(() => 0),
  },
  sizes: {
    feature: window => histogram({ of, by: 'amount', edges: [5, 20, 100], ...window }),
    sql: `[count(*) FILTER (amount < 5), count(*) FILTER (amount >= 5 AND amount < 20),
      count(*) FILTER (amount >= 20 AND amount < 100), count(*) FILTER (amount >= 100)]`,
    none: [0, 0, 0, 0],
  },
  returned: {
    feature: window => ratio({ of: 'Returned', per: 'Bought', ...window }),
    sql: `count(*) FILTER (event = 'Returned') / nullif(count(*) FILTER (event = 'Bought'), 0)`,
    none: null,
  },
  visitStart: {
    feature: window => min({ of, value: (event: Event) => event.timestamp, ...window }),
    sql: 'min(ms)',
    none: null,
  },
}

/** What has no window, or no answer in SQL but when its now is the user's newest event. */
export function timeless(decay: Decay): Readonly<Record<string, MomentAggregate>> {
  const recency = 'sum(pow(2, (ms - now) / 864000000))'
  return {
    firstTime: { feature: () => firstTime({ of }), sql: 'min(ms)', none: null },
    lastTime: { feature: () => lastTime({ of }), sql: 'max(ms)', none: null },
    ...(decay === 'event' && {
      recent: { feature: () => decayedCount({ of, halfLife: '10d' }), sql: recency, none: 0 },
    }),
  }
}

/** A job of every aggregate in every window: `<aggregate>_<window>`. */
export function matrixJob(decay: Decay) {
  const all = Object.entries(windows).flatMap(([name, { window }]) =>
    Object.entries(aggregates).map(
      ([word, { feature }]) =>
        [`${word}_${name}`, feature(window === undefined ? {} : { window })] as const,
    ),
  )
  const rest = Object.entries(timeless(decay)).map(
    ([word, { feature }]) => [`${word}_ever`, feature({})] as const,
  )
  return defineJob({
    ...{ name: 'moments', input: 'events', idle: 'hold', decay, stateBytesMax: 900_000 },
    features: Object.fromEntries([...all, ...rest]),
  })
}
