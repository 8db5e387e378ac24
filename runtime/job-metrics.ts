import type { Clock } from './clock.ts'
import { queueBytesMax } from './feed.ts'
import type { LaneSamples } from './messages.ts'
import type { Source } from './source.ts'
import type { Telemetry } from './telemetry.ts'

const everyMs = 1_000

/** Carries the source's figures into telemetry, each second; answers how to stop. */
export function measureJob(source: Source, telemetry: Telemetry, clock: Clock): () => void {
  const told = new Map<string, number>()
  /** Counts of a task begin anew with each takeover. */
  const add = (
    name: CountName,
    total: number,
    attributes: { partition: string; reason?: string },
  ) => {
    const id = `${name}/${attributes.partition}/${attributes.reason ?? ''}`
    const before = told.get(id) ?? 0
    const amount = total >= before ? total - before : total
    told.set(id, total)
    if (amount > 0) telemetry.add(name, amount, attributes as never)
  }
  const totals = { fencings: 0, takeovers: 0, laneRestarts: 0 }
  const grown = (field: keyof typeof totals) => {
    const before = totals[field]
    totals[field] = source.figures[field]
    return totals[field] - before
  }

  source.onSamples = ({ commitMs, checkpointMs, latencyMs }: LaneSamples) => {
    for (const ms of commitMs) telemetry.record('millrace_commit_duration_ms', ms)
    for (const ms of checkpointMs) telemetry.record('millrace_checkpoint_duration_ms', ms)
    for (const ms of latencyMs) telemetry.record('millrace_feature_latency_ms', Math.max(ms, 0))
  }
  const stops = gauges(source, telemetry, clock)
  stops.push(
    clock.every(everyMs, () => {
      for (const { partition: index, figures } of source.figures.slots) {
        if (!figures) continue
        const partition = String(index)
        const { counts, forwards, storeReads } = figures
        const dead = [...counts.dead.values()].reduce((sum, count) => sum + count, 0)
        const { events, duplicates, late, forwardedAgain } = counts
        add('millrace_events_in', events + duplicates + late + dead + forwardedAgain, {
          partition,
        })
        add('millrace_rekeyed_events', counts.rekeyed, { partition })
        add('millrace_forwarded_again', forwardedAgain, { partition })
        add('millrace_forwarded_records', forwards?.forwarded ?? 0, { partition })
        add('millrace_rows_out', counts.rows, { partition })
        add('millrace_triggers_out', counts.triggers, { partition })
        add('millrace_late_events', counts.late, { partition })
        add('millrace_duplicate_events', counts.duplicates, { partition })
        add('millrace_state_store_reads', storeReads, { partition })
        for (const [reason, count] of counts.dead)
          add('millrace_dead_letters', count, { partition, reason })
      }
      telemetry.add('millrace_fencings', grown('fencings'))
      telemetry.add('millrace_takeovers', grown('takeovers'))
      telemetry.add('millrace_lane_restarts', grown('laneRestarts'))
    }),
  )
  return () => {
    for (const stop of stops) stop()
  }
}

type CountName =
  | 'millrace_events_in'
  | 'millrace_rows_out'
  | 'millrace_triggers_out'
  | 'millrace_late_events'
  | 'millrace_duplicate_events'
  | 'millrace_dead_letters'
  | 'millrace_rekeyed_events'
  | 'millrace_forwarded_again'
  | 'millrace_forwarded_records'
  | 'millrace_state_store_reads'

function gauges(source: Source, telemetry: Telemetry, clock: Clock): (() => void)[] {
  type Slot = (typeof source.figures.slots)[number]
  const perTask = (read: (slot: Slot) => number | undefined) => () =>
    source.figures.slots.flatMap(slot => {
      const value = read(slot)
      return value === undefined
        ? []
        : [{ value, attributes: { partition: String(slot.partition) } }]
    })
  const restoring = ({ phase, restore }: Slot) => (phase === 'taking' ? restore : undefined)
  return [
    telemetry.gauge('millrace_tasks_not_live', () => [
      { value: source.figures.slots.filter(({ phase }) => phase !== 'live').length },
    ]),
    telemetry.gauge('millrace_lag_records', perTask(lagRecords)),
    telemetry.gauge(
      'millrace_lag_seconds',
      perTask(slot => lagSeconds(slot, clock.now())),
    ),
    telemetry.gauge(
      'millrace_forward_lag_records',
      perTask(({ figures }) => figures?.forwards?.lag),
    ),
    telemetry.gauge(
      'millrace_watermark_delay_seconds',
      perTask(({ figures }) =>
        figures?.watermark === undefined ? undefined : (clock.now() - figures.watermark) / 1_000,
      ),
    ),
    telemetry.gauge(
      'millrace_queue_bytes',
      perTask(slot => slot.queuedBytes),
    ),
    telemetry.gauge(
      'millrace_queue_fill_ratio',
      perTask(slot => Math.min(1, slot.queuedBytes / queueBytesMax)),
    ),
    telemetry.gauge(
      'millrace_state_cached_keys',
      perTask(({ figures }) => figures?.cachedKeys),
    ),
    telemetry.gauge(
      'millrace_state_buffer_bytes',
      perTask(({ figures }) => figures?.bufferBytes),
    ),
    telemetry.gauge(
      'millrace_state_store_bytes',
      perTask(({ figures }) => figures?.storeBytes),
    ),
    telemetry.gauge(
      'millrace_restore_records_done',
      perTask(slot => restoring(slot)?.done),
    ),
    telemetry.gauge(
      'millrace_restore_records_left',
      perTask(
        slot => restoring(slot) && (restoring(slot)?.total ?? 0) - (restoring(slot)?.done ?? 0),
      ),
    ),
  ]
}

type SlotFigures = Source['figures']['slots'][number]

/** Records between what a task has done and the end of its partition; 0 where only control records are left. */
export function lagRecords({ figures, end, next }: SlotFigures): number | undefined {
  if (figures === undefined || end === undefined) return undefined
  return Math.max(0, end - Math.max(figures.next, figures.queued ? 0 : (next ?? 0)))
}

function lagSeconds(slot: SlotFigures, now: number): number | undefined {
  const records = lagRecords(slot)
  if (records === undefined || slot.figures === undefined) return undefined
  return records === 0 || slot.figures.appendedAt < 0
    ? 0
    : Math.max(0, (now - slot.figures.appendedAt) / 1_000)
}
