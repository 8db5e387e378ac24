import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { systemClock } from '../runtime/clock.ts'
import type { Log } from '../runtime/log.ts'
import { deleteTopics } from './delete-topics.ts'
import { finalFeatures } from './final-features.ts'
import { allCommitted, startMillrace } from './run-millrace.ts'
import { type ThreadTimes, threadTimes } from './thread-times.ts'

export interface FleetRun {
  readonly processes: number
  readonly lanes: number
  readonly eventsPerSecond: number
  readonly cpuSeconds: number
  readonly threads: ThreadTimes
  readonly hash: string
}

/** Runs one job by several processes of one group on the whole of an input topic. */
export async function runFleet(
  log: Log,
  where: { brokers: string; input: string; events: number },
  processes: number,
  lanes: number,
): Promise<FleetRun> {
  const folder = await mkdtemp(join(tmpdir(), 'millrace-bench-'))
  const run = { ...where, guarantee: 'exactly-once' as const, lanes }
  const started = await startMillrace(folder, run)
  const { job, output, topics } = started
  const children = [started.child]
  const ended = new AbortController()
  try {
    for (let index = 1; index < processes; index++)
      children.push(started.another(`instance-${index}`))
    const failed = children.map(child => child.failed())
    const committed = allCommitted(log, job, run, ended.signal)
    const ownedAt = await Promise.race([committed, ...failed])
    const endedAt = systemClock.now()
    const times = children.map(({ pid }) => threadTimes(pid, lanes))
    for (const child of children) await child.end()
    const { hash } = await finalFeatures(log, output)
    const total = (field: keyof ThreadTimes) => times.reduce((sum, each) => sum + each[field], 0)
    return {
      ...{ processes, lanes, hash },
      eventsPerSecond: Math.round((where.events * 1_000) / (endedAt - ownedAt)),
      cpuSeconds: children.reduce((sum, { usage }) => sum + usage.cpuSeconds, 0),
      threads: { main: total('main'), lanes: total('lanes'), rest: total('rest') },
    }
  } finally {
    ended.abort()
    for (const child of children) child.kill()
    await rm(folder, { recursive: true })
    await deleteTopics(where.brokers, topics)
  }
}
