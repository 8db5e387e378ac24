import type { Clock } from '../runtime/clock.ts'
import type { Telemetry } from '../runtime/telemetry.ts'

/** What a person wants to see live of a job and its sidecar. `undefined` where nothing is known yet. */
export interface LiveFigures {
  readonly eventsPerSecond: number | undefined
  readonly users: number | undefined
  readonly lagRecords: number | undefined
  /** Over the last moments; rows of events that came in before this process began are left out. */
  readonly latencyMs: { readonly p50: number; readonly p99: number } | undefined
}

const WINDOW_MS = 10_000
const LATENCIES_MAX = 20_000
/** The job tells its counts at most so far apart. */
const TELLING_MS = 1_500

/**
 * Hands everything on to `telemetry`, and keeps of it what a display shows: so a display shows what a scrape does.
 * Memory is bounded: the last ten seconds, and no more than 20,000 latencies.
 */
export function watchTelemetry(
  telemetry: Telemetry,
  clock: Clock,
): { telemetry: Telemetry; figures(): LiveFigures } {
  const gauges = new Map<string, Set<() => readonly { value: number }[]>>()
  const arrivals: { at: number; events: number }[] = []
  const latencies: { at: number; ms: number }[] = []
  const startedAt = clock.elapsed()

  const forgetOld = () => {
    const oldest = clock.elapsed() - WINDOW_MS
    for (const list of [arrivals, latencies]) {
      const keep = list.findIndex(({ at }) => at >= oldest)
      list.splice(0, keep < 0 ? list.length : keep)
    }
    latencies.splice(0, latencies.length - LATENCIES_MAX)
  }

  const watched: Telemetry = {
    add(name, amount, ...rest) {
      if (name === 'millrace_events_in' && amount > 0) {
        arrivals.push({ at: clock.elapsed(), events: amount })
      }
      telemetry.add(name, amount, ...rest)
    },
    record(name, value, ...rest) {
      const at = clock.elapsed()
      if (name === 'millrace_feature_latency_ms' && value <= at - startedAt)
        latencies.push({ at, ms: value })
      if (latencies.length > 2 * LATENCIES_MAX) forgetOld()
      telemetry.record(name, value, ...rest)
    },
    gauge(name, read) {
      const readers = gauges.get(name) ?? new Set()
      gauges.set(name, readers.add(read))
      const remove = telemetry.gauge(name, read)
      return () => {
        readers.delete(read)
        remove()
      }
    },
    scrape: () => telemetry.scrape(),
    close: () => telemetry.close(),
  }

  const total = (name: string): number | undefined => {
    const readings = [...(gauges.get(name) ?? [])].flatMap(read => read())
    return readings.length === 0 ? undefined : readings.reduce((sum, { value }) => sum + value, 0)
  }

  return {
    telemetry: watched,
    figures() {
      forgetOld()
      return {
        eventsPerSecond: ratePerSecond(arrivals, clock.elapsed()),
        // The view of the users' features is the first that a sidecar opens.
        users: gauges.get('millrace_view_rows')?.values().next().value?.()[0]?.value,
        lagRecords: total('millrace_lag_records'),
        latencyMs: quantiles(latencies.map(({ ms }) => ms)),
      }
    },
  }
}

/** Counts are told about once a second, each for the time before it: what the first ones tell lies before the span. */
function ratePerSecond(
  arrivals: readonly { at: number; events: number }[],
  now: number,
): number | undefined {
  const first = arrivals[0]
  const last = arrivals.at(-1)
  if (first === undefined || last === undefined) return undefined
  const spanMs = Math.max(last.at, now - TELLING_MS) - first.at
  if (spanMs < TELLING_MS / 2) return undefined
  const counted = arrivals.filter(({ at }) => at > first.at + TELLING_MS / 2)
  return (counted.reduce((sum, { events }) => sum + events, 0) * 1_000) / spanMs
}

function quantiles(values: number[]): { p50: number; p99: number } | undefined {
  values.sort((one, other) => one - other)
  const at = (share: number) =>
    values[Math.min(values.length - 1, Math.floor(share * values.length))]
  const p50 = at(0.5)
  const p99 = at(0.99)
  return p50 === undefined || p99 === undefined ? undefined : { p50, p99 }
}
