import { type Aggregate, type AggregateOptions, aggregated } from './aggregate.ts'
import type { Event } from './event.ts'
import type { Feature, Scope } from './feature.ts'
import type { Valued } from './selection.ts'
import { isWhole, numberReader, textReader } from './selection.ts'
import { TimeZones } from './time-zone.ts'

export interface HistogramOptions extends AggregateOptions {
  /** 'hour' (24 numbers) or 'weekday' (7, from Monday) of the event; a path or a function gives a label or, with `edges`, a number. */
  readonly by: 'hour' | 'weekday' | Valued['value']
  readonly optional?: boolean
  /** For 'hour' and 'weekday': a path to the event's time zone, or a zone. Left out, or where it names none: UTC. */
  readonly zone?: string
  /** For numbers, rising: n edges make n + 1 buckets; a number on an edge belongs above it. At most 100. */
  readonly edges?: readonly number[]
  /** For labels: how many different ones are counted, 1 to 1,000; 50 when left out. The others are '(other)'. */
  readonly labelsMax?: number
}

/** What is counted for labels beyond `labelsMax`. */
const other = '(other)'

/**
 * How many events there were of each kind: by hour or weekday a list of counts; by number a list of one
 * count more than there are edges; by label an object from label to count.
 */
export function histogram(options: HistogramOptions): Feature {
  const kind = 'histogram'
  const known = ['by', 'optional', 'zone', 'edges', 'labelsMax']
  const { by, edges } = options ?? {} // that there are none is told where its name is known
  if (by === 'hour' || by === 'weekday' || edges !== undefined)
    return aggregated<number[], number, HistogramOptions>({
      ...{ kind, options, known },
      compile(scope) {
        const { read, size } =
          by === 'hour' || by === 'weekday'
            ? clockReader(scope, by, options.zone)
            : edgeReader(scope, options)
        return { read, aggregate: countsOf(size) }
      },
    })
  return aggregated<(string | number)[], string, HistogramOptions>({
    ...{ kind, options, known },
    compile(scope) {
      const { labelsMax = 50 } = options
      if (!isWhole(labelsMax, 1, 1_000))
        scope.fail(`labelsMax is ${labelsMax}`, 'write 1 to 1000: labelsMax: 50')
      return { read: textReader(scope, valued(options), 'by'), aggregate: labels(labelsMax) }
    },
  })
}

function valued({ by, optional }: HistogramOptions): Valued {
  return { value: by, ...(optional !== undefined && { optional }) }
}

function clockReader(scope: Scope, by: 'hour' | 'weekday', zone: string | undefined) {
  const place = zone === undefined ? undefined : scope.zone(zone)
  const zones = place?.zones ?? new TimeZones()
  const read = (event: Event) => zones[by](event.timestamp, place?.of(event) ?? '')
  return { read, size: by === 'hour' ? 24 : 7 }
}

function edgeReader(scope: Scope, options: HistogramOptions) {
  const { edges = [] } = options
  const isRising = (edge: unknown, at: number) =>
    Number.isFinite(edge) && (at === 0 || Number(edge) > Number(edges[at - 1]))
  const isRight = Array.isArray(edges) && edges.every(isRising)
  if (!isRight || edges.length === 0 || edges.length > 100)
    scope.fail(
      `edges is ${JSON.stringify(edges)}`,
      'write 1 to 100 rising numbers: edges: [10, 50]',
    )
  const numberOf = numberReader(scope, valued(options), 'by')
  const read = (event: Event) => {
    const value = numberOf(event)
    if (value === undefined) return undefined
    let bucket = 0
    while (bucket < edges.length && value >= (edges[bucket] as number)) bucket++
    return bucket
  }
  return { read, size: edges.length + 1 }
}

/** Counts as far as the last one that is not zero. */
function countsOf(size: number): Aggregate<number[], number> {
  const add = (counts: number[], at: number, more: number) => {
    while (counts.length <= at) counts.push(0)
    counts[at] = (counts[at] as number) + more
    return counts
  }
  return {
    create: () => [],
    add: (counts, at) => add(counts, at, 1),
    merge(into, from) {
      for (const [at, more] of from.entries()) add(into, at, more)
      return into
    },
    result: counts => Array.from({ length: size }, (_, at) => counts[at] ?? 0),
  }
}

/** `[label, count, label, count, …]` in order of coming. */
function labels(max: number): Aggregate<(string | number)[], string> {
  const add = (part: (string | number)[], label: string, more: number) => {
    let at = 0
    while (at < part.length && part[at] !== label) at += 2
    if (at === part.length && at >= 2 * max && label !== other) return add(part, other, more)
    if (at === part.length) part.push(label, 0)
    part[at + 1] = (part[at + 1] as number) + more
    return part
  }
  return {
    create: () => [],
    add: (part, label) => add(part, label, 1),
    merge(into, from) {
      for (let at = 0; at < from.length; at += 2)
        add(into, from[at] as string, from[at + 1] as number)
      return into
    },
    result(part) {
      const counts: [string, number][] = []
      for (let at = 0; at < part.length; at += 2)
        counts.push([part[at] as string, part[at + 1] as number])
      return Object.fromEntries(counts.sort(([left], [right]) => (left < right ? -1 : 1)))
    },
  }
}
