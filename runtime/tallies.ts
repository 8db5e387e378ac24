import type { Metric } from './metrics.ts'

export type Labels = Readonly<Record<string, string | number>>

/** As OpenTelemetry's SDK: of one metric so many sets of labels are kept apart; all further ones count together. */
export const CELLS_MAX = 2_000
/** Their labels, as OpenTelemetry names them. */
export const overflowLabels = { 'otel.metric.overflow': true } as const

/** What was counted under one set of labels. */
export interface Tallied<Value> {
  readonly labels: Labels | typeof overflowLabels
  readonly value: Value
}

/** What came into a histogram under one set of labels. */
export interface Spread {
  /** One more than the metric has boundaries; a value on a boundary belongs below it. */
  readonly counts: number[]
  sum: number
  count: number
}

/** One metric's values by labels. */
class Tally<Value> {
  readonly name: string
  readonly metric: Metric
  readonly #names: readonly string[]
  readonly #make: () => Value
  readonly #cells = new Map<string, Tallied<Value>>()

  constructor(name: string, metric: Metric, make: () => Value) {
    this.name = name
    this.metric = metric
    this.#names = metric.attributes
    this.#make = make
  }

  get all(): readonly Tallied<Value>[] {
    return [...this.#cells.values()]
  }

  /** Hot path: one look into a map, by a text that is made only where there are several labels. */
  of(labels: Labels | undefined): Value {
    const key = keyOf(this.#names, labels)
    return this.#cells.get(key)?.value ?? this.#begin(key, labels ?? {})
  }

  #begin(key: string, labels: Labels): Value {
    const isOver = this.#cells.size >= CELLS_MAX
    const known = isOver ? this.#cells.get(OVERFLOW) : undefined
    if (known !== undefined) return known.value
    const value = this.#make()
    const own = Object.fromEntries(this.#names.map(name => [name, labels[name] ?? '']))
    this.#cells.set(isOver ? OVERFLOW : key, { labels: isOver ? overflowLabels : own, value })
    return value
  }
}

const OVERFLOW = '\0overflow'

function keyOf(names: readonly string[], labels: Labels | undefined): string {
  const [first] = names
  if (first === undefined || labels === undefined) return ''
  let key = String(labels[first])
  for (let at = 1; at < names.length; at++) key += `\0${labels[names[at] ?? '']}`
  return key
}

export class CounterTally extends Tally<{ total: number }> {
  constructor(name: string, metric: Metric) {
    super(name, metric, () => ({ total: 0 }))
  }

  add(amount: number, labels: Labels | undefined): void {
    this.of(labels).total += amount
  }
}

export class HistogramTally extends Tally<Spread> {
  readonly boundaries: readonly number[]

  constructor(name: string, metric: Metric) {
    const { boundaries = [] } = metric
    super(name, metric, () => ({ counts: boundaries.map(() => 0).concat(0), sum: 0, count: 0 }))
    this.boundaries = boundaries
  }

  /** What is no number is left out, as the SDK does. */
  record(value: number, labels: Labels | undefined): void {
    if (Number.isNaN(value)) return
    const { boundaries } = this
    const spread = this.of(labels)
    let bucket = 0
    while (bucket < boundaries.length && value > (boundaries[bucket] ?? 0)) bucket++
    spread.counts[bucket] = (spread.counts[bucket] ?? 0) + 1
    spread.sum += value
    spread.count++
  }
}
