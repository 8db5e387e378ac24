import type { Metric } from './metrics.ts'

const fast = [0.5, 1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000, 2_000]

/** The part of `metrics` about how events become safe. */
export const sinkMetrics = {
  millrace_collect_produce_duration_ms: {
    kind: 'histogram',
    unit: 'ms',
    description: 'From a send to the brokers until they acknowledged it.',
    attributes: [],
    boundaries: fast,
  },
  millrace_collect_waiting_bytes: {
    kind: 'gauge',
    unit: 'By',
    description: 'Records in memory that are not safe yet.',
    attributes: [],
  },
  millrace_collect_produced_records: {
    kind: 'counter',
    unit: '{record}',
    description: 'Records that the brokers acknowledged, those drained from the spool left out.',
    attributes: [],
  },
  millrace_collect_spooled_records: {
    kind: 'counter',
    unit: '{record}',
    description:
      'Records that went to the spool on the disk, because the brokers were away or slow.',
    attributes: [],
  },
  millrace_collect_drained_records: {
    kind: 'counter',
    unit: '{record}',
    description:
      'Records that have left the spool since: acknowledged by the brokers, or set aside.',
    attributes: [],
  },
  millrace_collect_refused_records: {
    kind: 'counter',
    unit: '{record}',
    description:
      'Records that nobody could keep, by the code of the reason; their senders were told.',
    attributes: ['reason'],
  },
  millrace_collect_set_aside_records: {
    kind: 'gauge',
    unit: '{record}',
    description: 'Records on the disk that their topic will never take, set aside for a person.',
    attributes: [],
  },
  millrace_collect_spool_bytes: {
    kind: 'gauge',
    unit: 'By',
    description: 'What the spool takes on the disk.',
    attributes: [],
  },
  millrace_collect_spool_records: {
    kind: 'gauge',
    unit: '{record}',
    description: 'Records in the spool that are not drained yet.',
    attributes: [],
  },
  millrace_collect_spool_age_seconds: {
    kind: 'gauge',
    unit: 's',
    description: 'How long the oldest record in the spool has been there; 0 while it is empty.',
    attributes: [],
  },
} as const satisfies Record<string, Metric>
