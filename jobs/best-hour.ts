import type { Event } from './event.ts'
import type { Feature, Scope } from './feature.ts'
import { type HumanOptions, humanReader } from './human.ts'
import type { JobState, Plain } from './layout.ts'
import { checkOptions, eventNames, predicate, type Selection } from './selection.ts'
import { tableNumbers } from './table-numbers.ts'

export interface BestHourOptions extends HumanOptions, Selection {
  /** 'Email Opened' and 'Email Link Clicked' when left out. */
  readonly of?: string | readonly string[]
  /** A path to the event's time zone, or a zone; 'context.timezone' when left out. An event that names none has the user's. */
  readonly zone?: string
  /**
   * How everybody's engagements spread over the hours of the day: 24 numbers, of any sum, from midnight; or
   * the name of a table of the job, with the keys '0' to '23' and a column `weight`. All alike when left out.
   */
  readonly prior?: readonly number[] | string
  /** How many of the user's own engagements weigh as much as the prior, above 0 to 1,000; 10 when left out. */
  readonly strength?: number
}

const hours = 24
/** Then all counts are halved, so that a new habit shows. */
const engagementsMax = 250
/** Of hours that are alike the one nearest to this: a user of whom nothing is known is written to in the morning. */
const preferredHour = 10

/**
 * The hour of the user's day at which an email is most likely to be opened:
 *
 *     { hour, share, confidence, engagements }
 *
 * His own engagements by local hour and the prior, which weighs as much as `strength` of them, are added up; `hour`
 * (0 to 23) has most, and `share` of all. `confidence` is how much of this is his own: 0 for a user of whom nothing
 * is known, 0.5 after `strength` engagements, towards 1. Of hours that are alike the one nearest to 10, the earlier
 * first. Both to a thousandth. Counts are halved at 250, so `engagements` is 250 at most. At most 50 bytes.
 */
export function bestHour(options: BestHourOptions = {}): Feature {
  return {
    role: 'feature',
    kind: 'bestHour',
    options,
    compile(scope) {
      const own = ['of', 'zone', 'prior', 'strength', 'verdict', 'where', 'purpose']
      checkOptions(scope, options, own)
      const { strength = 10 } = options
      if (typeof strength !== 'number' || !(strength > 0 && strength <= 1_000))
        scope.fail(`strength is ${strength}`, 'write a number above 0, at most 1000: strength: 10')
      const prior = shares(priorOf(scope, options.prior))
      const zone = scope.zone(options.zone ?? 'context.timezone')
      const wanted = predicate(scope, options.where)
      const isHuman = humanReader(scope, options)
      const at = scope.cell('hours', {
        create: () => [],
        merge(into, from) {
          for (const [hour, more] of from.entries()) addTo(into as number[], hour, more as number)
          return into
        },
      })
      const of = (state: JobState) => state.cells[at] as number[]
      return {
        steps: [
          {
            events: eventNames(scope, 'of', options.of ?? ['Email Opened', 'Email Link Clicked']),
            takesLate: true,
            step: {
              read: event => (isHuman(event) && wanted(event) ? true : undefined),
              update(state, _value, event: Event) {
                const where = zone.of(event) ?? zone.user(state)
                addTo(of(state), zone.zones.hour(event.timestamp, where), 1)
              },
            },
          },
        ],
        show: state => shownHour(of(state), prior, strength),
      }
    },
  }
}

/** Counts as far as the last one that is not zero. */
function addTo(counts: number[], hour: number, more: number): void {
  while (counts.length <= hour) counts.push(0)
  counts[hour] = (counts[hour] as number) + more
  while (sumOf(counts) > engagementsMax)
    for (const [place, count] of counts.entries()) counts[place] = count >> 1
  while (counts[counts.length - 1] === 0) counts.pop()
}

function shownHour(counts: readonly number[], prior: readonly number[], strength: number) {
  const engagements = sumOf(counts)
  const weight = (hour: number) => (counts[hour] ?? 0) + strength * (prior[hour] as number)
  const tiny = 1e-9 // below what adding up in doubles may leave between hours that are alike
  let best = preferredHour
  for (let away = 1; away <= hours; away++)
    for (const hour of [preferredHour - away, preferredHour + away])
      if (hour >= 0 && hour < hours && weight(hour) > weight(best) + tiny) best = hour
  const total = engagements + strength
  return {
    hour: best,
    share: thousandths(weight(best) / total),
    confidence: thousandths(engagements / total),
    engagements,
  }
}

function priorOf(scope: Scope, given: BestHourOptions['prior']): readonly number[] {
  const even = new Array<number>(hours).fill(1)
  if (given === undefined) return even
  const remedy = 'write 24 numbers from midnight, none below 0 and not all 0: prior: [3, 1, …]'
  const isGood = (prior: readonly unknown[]): prior is readonly number[] =>
    prior.length === hours &&
    prior.every(weight => typeof weight === 'number' && weight >= 0 && weight <= 1e15) &&
    prior.some(weight => weight !== 0)
  let prior: readonly number[] | undefined
  if (typeof given === 'string') {
    const keys = Array.from({ length: hours }, (_, hour) => String(hour))
    prior = tableNumbers(scope, 'prior', given, keys, ['weight'])
    if (prior === undefined) return even
  } else prior = given
  if (Array.isArray(prior) && isGood(prior)) return prior
  return scope.fail(`prior is ${JSON.stringify(given)}`, remedy)
}

function shares(weights: readonly number[]): readonly number[] {
  const total = sumOf(weights)
  return weights.map(weight => weight / total)
}

function sumOf(values: readonly Plain[]): number {
  let sum = 0
  for (const value of values) sum += value as number
  return sum
}

function thousandths(value: number): number {
  return Math.round(value * 1_000) / 1_000
}
