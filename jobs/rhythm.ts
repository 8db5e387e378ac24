import type { Feature } from './feature.ts'
import type { JobState } from './layout.ts'
import { checkOptions, eventNames, isWhole, predicate, type Selection } from './selection.ts'
import { dayMs, daysClock, daysSince } from './whole-days.ts'

export interface RhythmOptions extends Selection {
  /** 'Order Completed' when left out. */
  readonly of?: string | readonly string[]
  /** Of how many of the latest ones it knows the time, 2 to 50; 8 when left out. */
  readonly keep?: number
  /** Where `daysSince` stops counting, 1 to 3,650; 365 when left out. */
  readonly daysMax?: number
}

/** `[count, time, time, …]`: the latest times, sorted. */
type Cell = [count: number, ...times: number[]]

/**
 * How often the user comes, and whether he is overdue by his own rhythm:
 *
 *     { count, lastAt, daysSince, meanDays, medianDays, ratio, nextAt }
 *
 * `meanDays` and `medianDays` are of the gaps between the latest `keep`, to a hundredth; `ratio` is `daysSince` by
 * `medianDays`: 1 is due, 2 is late by a whole gap; `nextAt` the last one and a median gap, epoch ms. All null as far as
 * there is none. The row is published again each day, until `daysMax`: what is older stands at that. In whatever
 * order they come, and however late. 9 bytes for each of `keep`.
 */
export function rhythm(options: RhythmOptions = {}): Feature {
  return {
    role: 'feature',
    kind: 'rhythm',
    options,
    compile(scope) {
      checkOptions(scope, options, ['of', 'where', 'keep', 'daysMax', 'purpose'])
      const { keep = 8, daysMax = 365 } = options
      if (!isWhole(keep, 2, 50)) scope.fail(`keep is ${keep}`, 'write 2 to 50: keep: 8')
      if (!isWhole(daysMax, 1, 3_650))
        scope.fail(`daysMax is ${daysMax}`, 'write days, 1 to 3650: daysMax: 365')
      const wanted = predicate(scope, options.where)

      function put(cell: Cell, time: number): void {
        let place = cell.length
        while (place > 1 && (cell[place - 1] as number) > time) place--
        cell.splice(place, 0, time)
        if (cell.length > 1 + keep) cell.splice(1, 1)
      }
      const at = scope.cell('times', {
        create: () => [0],
        merge(into, from) {
          const [own, [count, ...times]] = [into as Cell, from as Cell]
          own[0] += count
          for (const time of times) put(own, time)
          return into
        },
      })
      const of = (state: JobState) => state.cells[at] as Cell
      const last = (cell: Cell) => (cell.length > 1 ? (cell[cell.length - 1] as number) : 0)
      scope.clock(daysClock(state => last(of(state)), daysMax))
      return {
        steps: [
          {
            events: eventNames(scope, 'of', options.of ?? 'Order Completed'),
            takesLate: true,
            step: {
              read: event => (wanted(event) ? event.timestamp : undefined),
              update(state, time) {
                const cell = of(state)
                cell[0]++
                put(cell, time as number)
              },
            },
          },
        ],
        show: state => shownRhythm(of(state), state.now, daysMax),
      }
    },
  }
}

function shownRhythm(cell: Cell, now: number, daysMax: number) {
  const count = cell[0]
  if (cell.length === 1) return { count, lastAt: null, daysSince: null, ...noGaps }
  const [firstAt, lastAt] = [cell[1] as number, cell[cell.length - 1] as number]
  const days = daysSince(lastAt, now, daysMax)
  if (cell.length === 2) return { count, lastAt, daysSince: days, ...noGaps }
  const gaps = sortedGaps(cell)
  const medianMs = median(gaps)
  const meanMs = (lastAt - firstAt) / gaps.length
  return {
    ...{ count, lastAt, daysSince: days },
    meanDays: hundredths(meanMs / dayMs),
    medianDays: hundredths(medianMs / dayMs),
    ratio: medianMs === 0 ? null : hundredths((days * dayMs) / medianMs),
    nextAt: Math.round(lastAt + medianMs),
  }
}

const noGaps = { meanDays: null, medianDays: null, ratio: null, nextAt: null }

/** They are few: put into their place one by one, they are sorted sooner than `sort` has begun. */
function sortedGaps(cell: Cell): number[] {
  const gaps: number[] = []
  for (let at = 2; at < cell.length; at++) {
    const gap = (cell[at] as number) - (cell[at - 1] as number)
    let place = gaps.length
    gaps.push(gap)
    for (; place > 0 && (gaps[place - 1] as number) > gap; place--)
      gaps[place] = gaps[place - 1] as number
    gaps[place] = gap
  }
  return gaps
}

/** Of sorted values, of which there is at least one. */
function median(values: readonly number[]): number {
  const middle = values.length >> 1
  const upper = values[middle] as number
  return values.length % 2 === 1 ? upper : ((values[middle - 1] as number) + upper) / 2
}

function hundredths(value: number): number {
  return Math.round(value * 100) / 100
}
