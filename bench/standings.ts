import type { Bar } from './chart.ts'
import { round } from './kept.ts'
import { table } from './results.ts'
import { median, type RunResult } from './run-result.ts'

/** An engine by all its runs over the same events: medians, and the least and most events a second. */
export interface Standing {
  readonly engine: string
  readonly eventsPerSecond: number
  readonly least: number
  readonly most: number
  readonly cpuSeconds: number
  readonly peakRssMb: number
}

/** In the order in which they first ran. */
export function standingsOf(results: readonly RunResult[]): Standing[] {
  const engines = [...new Set(results.map(({ engine }) => engine))]
  return engines.map(engine => {
    const own = results.filter(result => result.engine === engine)
    const middle = (field: 'eventsPerSecond' | 'cpuSeconds' | 'peakRssMb') =>
      round(median(own.map(result => result[field])))
    const speeds = own.map(result => result.eventsPerSecond)
    return {
      engine,
      eventsPerSecond: middle('eventsPerSecond'),
      least: Math.min(...speeds),
      most: Math.max(...speeds),
      cpuSeconds: middle('cpuSeconds'),
      peakRssMb: middle('peakRssMb'),
    }
  })
}

function ratio(one: Standing, other: Standing = one): string {
  const of = (field: 'eventsPerSecond' | 'cpuSeconds' | 'peakRssMb') =>
    (one[field] / other[field]).toFixed(2)
  return `${one.engine} / ${other.engine}: ${of('eventsPerSecond')} × the events/s, ${of('cpuSeconds')} × the CPU seconds, ${of('peakRssMb')} × the memory`
}

/** The table, and what each of ours is to each peer; or, where there is none, to the first of ours. */
export function standingsText(standings: readonly Standing[]): string {
  const heads = ['engine', 'events/s', 'least', 'most', 'CPU s', 'peak MB']
  const rows = standings.map(each => Object.values(each))
  const isOurs = ({ engine }: Standing) => /^millrace/i.test(engine)
  const ours = standings.filter(isOurs)
  const others = standings.filter(each => !isOurs(each))
  const ratios =
    others.length > 0
      ? ours.flatMap(own => others.map(other => ratio(own, other)))
      : ours.slice(1).map(own => ratio(own, ours[0]))
  return [table(heads, rows), ratios.join('\n')].join('\n\n').trim()
}

export function speedBars(standings: readonly Standing[], panel?: string): Bar[] {
  return standings.map(({ engine, eventsPerSecond, least, most }) => ({
    ...{ label: engine, value: eventsPerSecond, least, most },
    ...(panel !== undefined && { panel }),
  }))
}

/** All runs over the same events must end with the same features. */
export function checkHashes(results: readonly RunResult[], wanted = results[0]?.hash): void {
  for (const { engine, hash } of results)
    if (hash !== wanted)
      throw new Error(`${engine} ended with features ${hash}, not with ${wanted}`)
}
