import type { Feature, Scope } from './feature.ts'
import type { JobState } from './layout.ts'
import { money } from './money.ts'
import { type OrderOptions, orderOptions, orderSteps } from './orders.ts'
import { areEdges, defaultEdges, type Edges, type RfmEdges, rfmMeasures } from './rfm-edges.ts'
import { rfmSegmentOf } from './rfm-segments.ts'
import { checkOptions } from './selection.ts'
import { tableNumbers } from './table-numbers.ts'
import { daysClock, daysSince } from './whole-days.ts'

export interface RfmOptions extends OrderOptions {
  /** Four rising numbers of days; [30, 60, 120, 240] when left out. */
  readonly recencyDays?: Edges
  /** Four rising numbers of orders; [2, 3, 5, 10] when left out. */
  readonly orders?: Edges
  /** Four rising amounts; [50, 150, 400, 1000] when left out. */
  readonly spend?: Edges
  /**
   * Instead of these three: the name of a table of the job with the keys 'recencyDays', 'orders' and 'spend', and the
   * columns `edge1` to `edge4`, numbers.
   */
  readonly edges?: string
}

/** Beyond, a row would be published again each day for ten years. */
const daysMost = 3_650

/** `[orders, spend, time of the last order]`, 0: none. */
type Cell = [orders: number, spend: number, lastAt: number]

/**
 * Recency, frequency and monetary value of the user's orders:
 *
 *     { recencyDays, orders, spend, lastAt, r, f, m, score, segment }
 *
 * `r`, `f` and `m` are scores from 1 to 5 by the edges, `score` is them as a text, such as '543'; `segment` is 'new',
 * 'active', 'loyal', 'atRisk' or 'lapsed', which `rfmSegments` makes segments of. A user without an order has null
 * for these, `recencyDays` and `lastAt`. Refunds are subtracted from `spend`, and are orders still. In whatever order
 * they come, and however late.
 *
 * `recencyDays` counts whole days and stops at the last of its edges, from where nothing changes by time alone any
 * more; until then the row is published again each day. Scores by quantile of all users: give the edges that
 * `quintileEdges` makes, or a table that `millrace quintiles <job>` prints. 20 bytes.
 */
export function rfm(options: RfmOptions = {}): Feature {
  return {
    role: 'feature',
    kind: 'rfm',
    options,
    compile(scope) {
      checkOptions(scope, options, [...orderOptions, ...rfmMeasures, 'edges'])
      const edges = edgesOf(scope, options)
      const daysMax = Math.ceil(edges.recencyDays[3])
      const at = scope.cell('orders', {
        create: () => [0, 0, 0],
        merge(into, from) {
          const [own, [orders, spend, lastAt]] = [into as Cell, from as Cell]
          own[0] += orders
          own[1] = money(own[1] + spend)
          own[2] = Math.max(own[2], lastAt)
          return into
        },
      })
      const of = (state: JobState) => state.cells[at] as Cell
      scope.clock(daysClock(state => of(state)[2], daysMax))
      const steps = orderSteps(
        scope,
        options,
        (state, amount, time) => {
          const cell = of(state)
          cell[0]++
          cell[1] = money(cell[1] + amount)
          cell[2] = Math.max(cell[2], time)
        },
        (state, amount) => {
          const cell = of(state)
          cell[1] = money(cell[1] - amount)
        },
      )
      return {
        steps,
        show(state) {
          const [orders, spend, lastAt] = of(state)
          if (orders === 0) return { recencyDays: null, orders, spend, ...unscored }
          const recencyDays = daysSince(lastAt, state.now, daysMax)
          const r = 6 - groupOf(recencyDays, edges.recencyDays)
          const f = groupOf(orders, edges.orders)
          const m = groupOf(spend, edges.spend)
          const scores = { r, f, m, score: `${r}${f}${m}`, segment: rfmSegmentOf({ r, f }) }
          return { recencyDays, orders, spend, lastAt, ...scores }
        },
      }
    },
  }
}

const unscored = { lastAt: null, r: null, f: null, m: null, score: null, segment: null }

/** 1 below the first edge, to 5 from the last on. */
function groupOf(value: number, edges: Edges): number {
  let group = 1
  for (const edge of edges) if (value >= edge) group++
  return group
}

function edgesOf(scope: Scope, options: RfmOptions): RfmEdges {
  const edges = { ...defaultEdges }
  const given = options.edges === undefined ? options : edgesOfTable(scope, options)
  for (const measure of rfmMeasures) {
    const found = given[measure] ?? defaultEdges[measure]
    const isRecency = measure === 'recencyDays'
    if (!areEdges(found) || (isRecency && (found[0] <= 0 || found[3] > daysMost)))
      scope.fail(
        `${measure} is ${JSON.stringify(found)}`,
        `write four rising numbers${isRecency ? `, above 0 and at most ${daysMost}` : ''}: ` +
          `${measure}: [${defaultEdges[measure].join(', ')}]`,
      )
    edges[measure] = found
  }
  return edges
}

function edgesOfTable(scope: Scope, options: RfmOptions): Partial<Record<keyof RfmEdges, unknown>> {
  const { edges: name } = options
  const both = rfmMeasures.find(measure => options[measure] !== undefined)
  if (typeof name !== 'string' || both !== undefined)
    return scope.fail(
      both ? `it has both edges and ${both}` : `edges is ${JSON.stringify(name)}`,
      "write edges: 'rfm_edges', the name of a table of the job, or give the numbers",
    )
  const columns = ['edge1', 'edge2', 'edge3', 'edge4']
  const found = tableNumbers(scope, 'edges', name, rfmMeasures, columns)
  if (found === undefined) return {}
  return Object.fromEntries(
    rfmMeasures.map((measure, at) => [measure, found.slice(4 * at, 4 * at + 4)]),
  )
}
