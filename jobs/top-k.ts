import { addHeaviest, type Heaviest, mergeHeaviest, weightAt } from '../state/decayed.ts'
import { type AggregateOptions, aggregated } from './aggregate.ts'
import { durationForm, parseDuration } from './duration.ts'
import type { Event } from './event.ts'
import type { Feature, Scope } from './feature.ts'
import type { Valued } from './selection.ts'
import { isWhole, numberReader, textReader } from './selection.ts'

export interface TopKOptions extends AggregateOptions, Valued {
  /** How many values to show, 1 to 100. */
  readonly k: number
  /** After so long an event weighs half. Left out: all weigh the same. */
  readonly halfLife?: string
  /** What an event weighs: a path or a function, such as 'price'. 1 when left out; less than 0 counts as 0. */
  readonly weight?: Valued['value']
  /** Shows `{ value, weight }` for each, and not its value alone. As of the row's `asOf`, where weights decay. */
  readonly weights?: boolean
  /** How many values compete, at least `k`; `8 × k`, and at least 32, when left out. Each takes about 20 bytes. */
  readonly compete?: number
}

/**
 * The values that weigh most: a list of texts (with `weights: true` also what they weigh), heaviest first, empty for a user who has none. Exact while no
 * more different values than `compete` were seen; after that one that is shown is never overrated, and a
 * value that came back often, but each time after `compete` heavier ones, may be missing.
 */
export function topK(options: TopKOptions): Feature {
  return aggregated<Heaviest, Weighed, TopKOptions>({
    kind: 'topK',
    options,
    known: ['value', 'optional', 'k', 'halfLife', 'weight', 'weights', 'compete'],
    compile(scope) {
      const { k } = options
      if (!isWhole(k, 1, 100)) scope.fail(`k is ${k}`, 'write how many to show, 1 to 100: k: 3')
      const { compete = Math.max(32, 8 * k) } = options
      if (!isWhole(compete, k, 1_000))
        scope.fail(`compete is ${compete}`, `write how many values compete, ${k} to 1000`)
      const { weights = false } = options
      if (typeof weights !== 'boolean')
        scope.fail(`weights is ${JSON.stringify(weights)}`, 'write weights: true, or leave it out')
      const kept = { halfLifeMs: halfLifeMs(scope, options.halfLife), max: compete }
      return {
        read: weighedReader(scope, options),
        aggregate: {
          create: () => [Number.NEGATIVE_INFINITY],
          add: (part, { value, weight }, event) =>
            weight > 0 ? addHeaviest(part, value, weight, event.timestamp, kept) : part,
          merge: (part, other) => mergeHeaviest(part, other, kept),
          result: (part, now) => {
            const values: unknown[] = []
            const fading = weightAt(1, part[0], Math.max(now, part[0]), kept.halfLifeMs)
            for (let at = 1; at < part.length && values.length < k; at += 2)
              values.push(weights ? weighed(part, at, fading) : part[at])
            return values
          },
        },
      }
    },
  })
}

function weighed(part: Heaviest, at: number, fading: number) {
  const weight = (part[at + 1] as number) * fading
  return { value: part[at], weight: Math.round(weight * 1e6) / 1e6 }
}

interface Weighed {
  readonly value: string
  readonly weight: number
}

function weighedReader(scope: Scope, options: TopKOptions): (event: Event) => Weighed | undefined {
  const textOf = textReader(scope, options)
  if (options.weight === undefined) {
    return event => {
      const value = textOf(event)
      return value === undefined ? undefined : { value, weight: 1 }
    }
  }
  const { optional } = options
  const weighed = { value: options.weight, ...(optional !== undefined && { optional }) }
  const weightOf = numberReader(scope, weighed, 'weight')
  return event => {
    const value = textOf(event)
    const weight = weightOf(event)
    return value === undefined || weight === undefined ? undefined : { value, weight }
  }
}

/** Infinity where nothing decays. */
export function halfLifeMs(scope: Scope, text: string | undefined): number {
  if (text === undefined) return Number.POSITIVE_INFINITY
  const ms = parseDuration(text)
  if (ms === undefined || ms === 0)
    return scope.fail(`halfLife is ${JSON.stringify(text)}`, `write ${durationForm}`)
  return ms
}
