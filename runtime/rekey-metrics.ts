import type { Metric } from './metrics.ts'

/** The part of `metrics` about events for other keys. */
export const rekeyMetrics = {
  millrace_rekeyed_events: {
    kind: 'counter',
    unit: '{event}',
    description: 'Events committed for other keys, for the forwarder to bring there.',
    attributes: ['partition'],
  },
  millrace_forwarded_records: {
    kind: 'counter',
    unit: '{record}',
    description:
      'Rekeyed records brought to the partitions of their new keys; after a death some twice.',
    attributes: ['partition'],
  },
  millrace_forwarded_again: {
    kind: 'counter',
    unit: '{record}',
    description: 'Rekeyed records dropped because they had been brought, and taken, before.',
    attributes: ['partition'],
  },
  millrace_forward_lag_records: {
    kind: 'gauge',
    unit: '{record}',
    description: 'Rekeyed records that wait for the forwarder, control records included.',
    attributes: ['partition'],
  },
} as const satisfies Record<string, Metric>
