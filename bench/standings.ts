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

/** The table, and what the first engine is to each other. */
export function standingsText(standings: readonly Standing[]): string {
  const heads = ['engine', 'events/s', 'least', 'most', 'CPU s', 'peak MB']
  const rows = standings.map(each => Object.values(each))
  const [ours, ...others] = standings
  const ratios = others.map(other => {
    const of = (field: 'eventsPerSecond' | 'cpuSeconds' | 'peakRssMb') =>
      ((ours?.[field] ?? Number.NaN) / other[field]).toFixed(2)
    return `${ours?.engine} / ${other.engine}: ${of('eventsPerSecond')} × the events/s, ${of('cpuSeconds')} × the CPU seconds, ${of('peakRssMb')} × the memory`
  })
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
