import { outputTopics } from '../../runtime/outputs.ts'
import { timerAt } from '../../state/codec.ts'
import { isMarker } from './progress-of.ts'
import type { SimCluster } from './sim-cluster.ts'

/** A quiet task's clock ticks every second, after five seconds of standing still. */
const TICK_MS_MAX = 15_000

/** Where the wall clock moves quiet tasks and was never wrong, no state has a timer left that is long due. */
export function checkQuiet(cluster: SimCluster, job: string): string[] {
  const { now } = cluster.scheduler
  return cluster.partitions(outputTopics(job).changelog).flatMap(changelog => {
    const newest = new Map<string | null, Buffer>()
    for (const record of changelog.everCommitted()) {
      if (isMarker(record)) continue
      if (record.value) newest.set(record.key, record.value)
      else newest.delete(record.key)
    }
    return [...newest].flatMap(([key, bytes]) => {
      const time = timerAt(bytes)
      if (time === undefined || time >= now - TICK_MS_MAX) return []
      return [`a timer of ${key} was due ${Math.round(now - time)} ms ago, and has not fired`]
    })
  })
}
