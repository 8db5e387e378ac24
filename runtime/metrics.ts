import { collectMetrics } from './collect-metrics.ts'
import { pageMetrics } from './page-metrics.ts'
import { rekeyMetrics } from './rekey-metrics.ts'
import { serveMetrics } from './serve-metrics.ts'

/** One metric, as OpenTelemetry has it: https://opentelemetry.io/docs/specs/otel/metrics/data-model/ */
export interface Metric {
  readonly kind: 'counter' | 'histogram' | 'gauge'
  /** UCUM (https://ucum.org/ucum): `ms`, `s`, `By`, `1` for a share, `{event}` for things counted. */
  readonly unit: string
  readonly description: string
  /** The only attributes it may carry. Never a user's id, nor anything that a user sent. */
  readonly attributes: readonly string[]
  /** A histogram's upper bounds, in its unit. */
  readonly boundaries?: readonly number[]
}

const fast = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000, 2_000, 5_000]
const slow = [10, 50, 100, 500, 1_000, 5_000, 15_000, 60_000, 300_000, 900_000]
const request = [0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50, 100, 500, 1_000]

/**
 * Every metric that Millrace measures, of jobs first, then of serving and collecting, then of the embedded broker. In a
 * scrape, Prometheus puts `_total` behind a counter's name. docs/METRICS.md is made from this table.
 */
export const metrics = {
  millrace_events_in: {
    kind: 'counter',
    unit: '{event}',
    description: 'Records taken from the input, whatever became of them.',
    attributes: ['partition'],
  },
  millrace_rows_out: {
    kind: 'counter',
    unit: '{row}',
    description: 'Feature rows committed.',
    attributes: ['partition'],
  },
  millrace_triggers_out: {
    kind: 'counter',
    unit: '{trigger}',
    description: 'Triggers committed.',
    attributes: ['partition'],
  },
  millrace_late_events: {
    kind: 'counter',
    unit: '{event}',
    description: 'Events that came too far behind the watermark, sent to the late topic.',
    attributes: ['partition'],
  },
  millrace_duplicate_events: {
    kind: 'counter',
    unit: '{event}',
    description: 'Events dropped because their key had already seen their message id.',
    attributes: ['partition'],
  },
  millrace_dead_letters: {
    kind: 'counter',
    unit: '{record}',
    description: 'Records and timers sent to the dead topic, by the code of the reason.',
    attributes: ['partition', 'reason'],
  },
  ...rekeyMetrics,
  millrace_feature_latency_ms: {
    kind: 'histogram',
    unit: 'ms',
    description: "From an event's append to the input until the commit of the row that holds it.",
    attributes: [],
    boundaries: [...fast, 10_000, 60_000],
  },
  millrace_commit_duration_ms: {
    kind: 'histogram',
    unit: 'ms',
    description: 'From freezing the dirty set until the transaction has ended.',
    attributes: [],
    boundaries: fast,
  },
  millrace_checkpoint_duration_ms: {
    kind: 'histogram',
    unit: 'ms',
    description: 'One slice of committed states written to the local store and synced.',
    attributes: [],
    boundaries: fast,
  },
  millrace_takeover_duration_ms: {
    kind: 'histogram',
    unit: 'ms',
    description: 'From the assignment of a task until its first event may be processed.',
    attributes: [],
    boundaries: slow,
  },
  millrace_lag_records: {
    kind: 'gauge',
    unit: '{record}',
    description: "Offsets between the task's next offset and the end of its input partition.",
    attributes: ['partition'],
  },
  millrace_lag_seconds: {
    kind: 'gauge',
    unit: 's',
    description:
      'Age of the oldest record that is not processed yet, by its append time; 0 at the end.',
    attributes: ['partition'],
  },
  millrace_watermark_delay_seconds: {
    kind: 'gauge',
    unit: 's',
    description: "How far the task's watermark is behind the wall clock.",
    attributes: ['partition'],
  },
  millrace_queue_bytes: {
    kind: 'gauge',
    unit: 'By',
    description: 'Fetched and not yet processed.',
    attributes: ['partition'],
  },
  millrace_queue_fill_ratio: {
    kind: 'gauge',
    unit: '1',
    description: 'Share of the queue that is full; the partition is paused at 1.',
    attributes: ['partition'],
  },
  millrace_state_cached_keys: {
    kind: 'gauge',
    unit: '{key}',
    description: 'Decoded states in memory.',
    attributes: ['partition'],
  },
  millrace_state_store_reads: {
    kind: 'counter',
    unit: '{read}',
    description: 'States looked for on the disk, as they were not in memory; of new users, too.',
    attributes: ['partition'],
  },
  millrace_state_buffer_bytes: {
    kind: 'gauge',
    unit: 'By',
    description: 'Committed states that the local store does not have yet.',
    attributes: ['partition'],
  },
  millrace_state_store_bytes: {
    kind: 'gauge',
    unit: 'By',
    description: 'The local store on the disk, roughly.',
    attributes: ['partition'],
  },
  millrace_restore_records_done: {
    kind: 'gauge',
    unit: '{record}',
    description: 'Changelog offsets that the takeover under way has restored.',
    attributes: ['partition'],
  },
  millrace_restore_records_left: {
    kind: 'gauge',
    unit: '{record}',
    description: 'Changelog offsets that the takeover under way has still to restore.',
    attributes: ['partition'],
  },
  millrace_takeovers: {
    kind: 'counter',
    unit: '{takeover}',
    description: 'Takeovers that ended with a live task.',
    attributes: [],
  },
  millrace_fencings: {
    kind: 'counter',
    unit: '{fencing}',
    description: 'Times that a task here was shut out by another owner.',
    attributes: [],
  },
  millrace_lane_restarts: {
    kind: 'counter',
    unit: '{restart}',
    description: 'Lanes that died or fell silent and were replaced.',
    attributes: [],
  },
  millrace_tasks_not_live: {
    kind: 'gauge',
    unit: '{task}',
    description: 'Tasks that are here and not at work: taken over, waiting, or refused.',
    attributes: [],
  },

  ...serveMetrics,
  ...collectMetrics,
  ...pageMetrics,
  millrace_requests: {
    kind: 'counter',
    unit: '{request}',
    description: 'HTTP requests answered, by route pattern and status.',
    attributes: ['route', 'status'],
  },
  millrace_request_duration_ms: {
    kind: 'histogram',
    unit: 'ms',
    description: 'From the head of a request until its answer is handed to the kernel.',
    attributes: ['route'],
    boundaries: request,
  },
  millrace_webhook_events: {
    kind: 'counter',
    unit: '{event}',
    description:
      'Events of email providers, by what became of them: `taken`, `rejected`, `repeated`, `left_out`.',
    attributes: ['provider', 'outcome'],
  },
  millrace_webhook_refusals: {
    kind: 'counter',
    unit: '{request}',
    description: 'Requests to webhooks that were refused, by the reason.',
    attributes: ['provider', 'reason'],
  },
  millrace_broker_bytes: {
    kind: 'gauge',
    unit: 'By',
    description: 'All logs of the embedded broker, on the disk.',
    attributes: [],
  },
  millrace_broker_partitions: {
    kind: 'gauge',
    unit: '{partition}',
    description: 'Partitions of the embedded broker, those of its own topics included.',
    attributes: [],
  },
  millrace_broker_connections: {
    kind: 'gauge',
    unit: '{connection}',
    description: 'Clients connected to the embedded broker.',
    attributes: [],
  },
} as const satisfies Record<string, Metric>
