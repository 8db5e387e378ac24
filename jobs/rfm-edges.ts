/** Four rising numbers, which part users into five groups. */
export type Edges = readonly [number, number, number, number]

/** What an `rfm` feature scores, and its edges where none are given. */
export interface RfmEdges {
  /** Days since the last order: 5 for fewer than the first, 1 from the last on. */
  readonly recencyDays: Edges
  /** Orders: 1 for fewer than the first, 5 from the last on. */
  readonly orders: Edges
  /** Money spent: as orders. */
  readonly spend: Edges
}

export const rfmMeasures = ['recencyDays', 'orders', 'spend'] as const

/** Those of a shop whose customers come every month or two, and leave about 60 in its currency. */
export const defaultEdges: RfmEdges = {
  recencyDays: [30, 60, 120, 240],
  orders: [2, 3, 5, 10],
  spend: [50, 150, 400, 1_000],
}

/** Whether these are four rising numbers. */
export function areEdges(given: unknown): given is Edges {
  return (
    Array.isArray(given) &&
    given.length === 4 &&
    given.every((edge, at) => Number.isFinite(edge) && (at === 0 || edge > given[at - 1]))
  )
}

/** What an `rfm` feature shows of one user, as far as edges need it. */
export interface RfmMeasures {
  /** null: he never ordered, and plays no part. */
  readonly recencyDays: number | null
  readonly orders: number
  readonly spend: number
}

/**
 * Edges that part the given users into fifths: their quintiles. One user's state cannot know all users, so
 * scores by quantile need a look at all of them, such as the rows of `<job>.features`, every month or so; what comes
 * out goes into the job's definition, or into a table of the job. Equal numbers stay in one group; where
 * there are too few different ones, edges are moved up to keep them rising.
 */
export function quintileEdges(users: Iterable<RfmMeasures>): RfmEdges {
  const values = { recencyDays: [] as number[], orders: [] as number[], spend: [] as number[] }
  for (const { recencyDays, orders, spend } of users) {
    if (recencyDays === null) continue
    values.recencyDays.push(recencyDays)
    values.orders.push(orders)
    values.spend.push(spend)
  }
  return {
    recencyDays: rising(values.recencyDays, 0),
    orders: rising(values.orders, 1),
    spend: rising(values.spend, 0),
  }
}

function rising(values: number[], least: number): Edges {
  const sorted = values.sort((left, right) => left - right)
  let last = least
  const edge = (fifth: number): number => {
    const quantile = sorted[Math.ceil((fifth * sorted.length) / 5)] ?? last
    last = Math.max(quantile, last + 1)
    return last
  }
  return [edge(1), edge(2), edge(3), edge(4)]
}
