import type { Metric } from './metrics.ts'
import { sinkMetrics } from './sink-metrics.ts'

/** The part of `metrics` about events that come in over HTTP. */
export const collectMetrics = {
  millrace_collect_events: {
    kind: 'counter',
    unit: '{event}',
    description: 'Events taken, by the name of their write key.',
    attributes: ['source'],
  },
  millrace_collect_rejected_events: {
    kind: 'counter',
    unit: '{event}',
    description: 'Events put on `events.rejected`, by the code of the reason.',
    attributes: ['source', 'reason'],
  },
  millrace_collect_plan_faults: {
    kind: 'counter',
    unit: '{event}',
    description:
      'Events that the tracking plan does not allow; those that it rejects and those it only observes.',
    attributes: ['source', 'mode'],
  },
  millrace_collect_body_bytes: {
    kind: 'histogram',
    unit: 'By',
    description: "A request's body as it came, maybe compressed.",
    attributes: [],
    boundaries: [256, 1_024, 4_096, 16_384, 65_536, 262_144, 1_048_576],
  },
  ...sinkMetrics,
} as const satisfies Record<string, Metric>
