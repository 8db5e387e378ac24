import type { Event } from '../../jobs/event.ts'

/** What a feature says, recomputed from all events that the user ever had, in order of processing. */
export type Twin = (events: readonly Event[], now: number) => unknown

export interface Choice {
  readonly of?: readonly string[]
  readonly minus?: readonly string[]
  readonly where?: (event: Event) => boolean
  readonly overMs?: number
  readonly everyMs?: number
}

/** The events that a feature takes, and that lie in its window when that ends with the tile of `now`. */
function chosen(events: readonly Event[], now: number, choice: Choice): Event[] {
  const { of, minus = [], where = () => true, overMs, everyMs } = choice
  return events
    .filter(event => of === undefined || of.includes(event.event) || minus.includes(event.event))
    .filter(where)
    .filter(event => {
      if (overMs === undefined || everyMs === undefined) return true
      const start = (Math.floor(now / everyMs) + 1) * everyMs - overMs
      return event.timestamp >= start
    })
}

export function totalTwin(choice: Choice, amount: (event: Event) => number): Twin {
  return (events, now) => {
    let total = 0
    for (const event of chosen(events, now, choice))
      total += choice.minus?.includes(event.event) ? -amount(event) : amount(event)
    return total
  }
}

export function lastDistinctTwin(choice: Choice, keep: number): Twin {
  return (events, now) => {
    const products = chosen(events, now, choice).map(event => event.properties.product)
    return [...new Set(products.reverse())].slice(0, keep)
  }
}

export function distinctTwin(choice: Choice): Twin {
  return (events, now) =>
    new Set(chosen(events, now, choice).map(event => event.properties.product)).size
}

export function timeTwin(choice: Choice, pick: (...times: number[]) => number): Twin {
  return (events, now) => {
    const times = chosen(events, now, choice).map(event => event.timestamp)
    return times.length === 0 ? null : pick(...times)
  }
}
