import { randomUUID } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { systemClock } from '../runtime/clock.ts'
import type { Log } from '../runtime/log.ts'
import type { Bar } from './chart.ts'
import { deleteTopics } from './delete-topics.ts'
import { type Engine, startEngine } from './engines.ts'
import { eventsTopic } from './input.ts'
import type { Figure } from './kept.ts'
import { probeLatency } from './latency-probe.ts'
import type { MeasuredProcess } from './measured-process.ts'
import { table } from './results.ts'
import { median, percentile } from './run-result.ts'

/** One run of one engine, ms. */
export interface Latency {
  readonly engine: string
  readonly eventsPerSecond: number
  readonly p50: number
  readonly p95: number
  readonly p99: number
  readonly most: number
}

export interface LatencySetting {
  readonly brokers: string
  readonly eventsPerSecond: number
  /** How long it counts, after `warmupSeconds` that do not. */
  readonly seconds: number
  readonly warmupSeconds: number
}

/** Starts the engine on a topic of its own, sends and reads from this process, and ends it. */
export async function measureLatency(
  log: Log,
  engine: Engine,
  setting: LatencySetting,
): Promise<Latency> {
  const { brokers, eventsPerSecond, seconds, warmupSeconds } = setting
  const input = `bench-latency-${randomUUID().slice(0, 8)}`
  await log.topics.create([eventsTopic(input)])
  const folder = await mkdtemp(join(tmpdir(), 'millrace-bench-'))
  let child: MeasuredProcess | undefined
  let topics = [input]
  try {
    const started = await startEngine(folder, engine, { brokers, input, lanes: 2 })
    child = started.child
    topics = [input, ...started.topics]
    await Promise.race([started.ready(), child.failed()])
    const found = await probeLatency({
      ...{ log, clock: systemClock, input, output: started.output, eventsPerSecond },
      warmupEvents: warmupSeconds * eventsPerSecond,
      events: seconds * eventsPerSecond,
    })
    await child.end()
    const at = (share: number) => Math.round(percentile(found, share) * 10) / 10
    const { name } = engine
    return {
      engine: name,
      eventsPerSecond,
      p50: at(0.5),
      p95: at(0.95),
      p99: at(0.99),
      most: at(1),
    }
  } finally {
    child?.kill()
    await rm(folder, { recursive: true })
    await deleteTopics(brokers, topics)
  }
}

/** Of several runs of one engine at one rate, each percentile's median. */
export function latencyMedians(runs: readonly Latency[]): Latency[] {
  const kinds = new Map<string, Latency[]>()
  for (const run of runs) {
    const kind = `${run.eventsPerSecond} ${run.engine}`
    kinds.set(kind, [...(kinds.get(kind) ?? []), run])
  }
  return Array.from(kinds.values(), own => {
    const [{ engine, eventsPerSecond }] = own as [Latency]
    const middle = (field: 'p50' | 'p95' | 'p99' | 'most') => median(own.map(run => run[field]))
    return {
      ...{ engine, eventsPerSecond, p50: middle('p50'), p95: middle('p95') },
      ...{ p99: middle('p99'), most: middle('most') },
    }
  })
}

export function latencyTable(latencies: readonly Latency[]): string {
  const heads = ['engine', 'events/s', 'p50 ms', 'p95 ms', 'p99 ms', 'most ms']
  return table(
    heads,
    latencies.map(each => Object.values(each)),
  )
}

export function latencyDots(latencies: readonly Latency[]): (Bar & { readonly mark: string })[] {
  return latencies.flatMap(({ engine, eventsPerSecond, ...rest }) =>
    (['p50', 'p95', 'p99'] as const).map(mark => ({
      ...{ label: engine, panel: `${eventsPerSecond.toLocaleString('en')} events/s` },
      ...{ mark, value: rest[mark] },
    })),
  )
}

export function latencyFigures(latencies: readonly Latency[]): Figure[] {
  return latencies.flatMap(({ engine, eventsPerSecond, ...rest }) =>
    (['p50', 'p99'] as const).map(mark => ({
      name: `${engine}, ${eventsPerSecond}/s: ${mark}`,
      value: rest[mark],
      unit: 'ms' as const,
    })),
  )
}
