import type { Metric } from './metrics.ts'

const ages = [
  1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000, 2_000, 5_000, 15_000, 60_000, 600_000, 3_600_000,
  86_400_000,
]

/** What serving measures. */
export const serveMetrics = {
  millrace_view_rows: {
    kind: 'gauge',
    unit: '{row}',
    description: "Rows in one of the sidecar's views.",
    attributes: ['topic'],
  },
  millrace_view_memory_rows: {
    kind: 'gauge',
    unit: '{row}',
    description: "Rows in memory, of all the sidecar's views; the others are read from the disk.",
    attributes: [],
  },
  millrace_view_memory_bytes: {
    kind: 'gauge',
    unit: 'By',
    description: 'Memory that these rows take; `--cache-mb` bounds it.',
    attributes: [],
  },
  millrace_view_lag_records: {
    kind: 'gauge',
    unit: '{record}',
    description: "Offsets between the view's position and the end of its partition, as last seen.",
    attributes: ['topic', 'partition'],
  },
  millrace_view_age_ms: {
    kind: 'gauge',
    unit: 'ms',
    description: 'How far the view may be behind the topic: the `ageMs` of an answer.',
    attributes: ['topic', 'partition'],
  },
  millrace_block_answers: {
    kind: 'counter',
    unit: '{answer}',
    description:
      'Answers of blocks, by what they are (`live`, `stale`, `fallback`) and why; `known` is the good one.',
    attributes: ['block', 'source', 'reason'],
  },
  millrace_audit_lines: {
    kind: 'counter',
    unit: '{line}',
    description:
      "Reads of people's data in the audit log: `written`, or `lost` since its disk took none for too long.",
    attributes: ['outcome'],
  },
  millrace_images: {
    kind: 'counter',
    unit: '{image}',
    description: 'Pictures answered; a `fallback` is the neutral one.',
    attributes: ['source'],
  },
  millrace_purges: {
    kind: 'counter',
    unit: '{request}',
    description: 'Requests to the purge hook of a CDN, by whether it was `taken` or `failed`.',
    attributes: ['reason'],
  },
  millrace_view_rows_applied: {
    kind: 'counter',
    unit: '{row}',
    description: 'Rows and tombstones taken into the view.',
    attributes: ['partition'],
  },
  millrace_view_rows_ignored: {
    kind: 'counter',
    unit: '{row}',
    description: 'Records that did not change the view: `older` than its row, or `malformed`.',
    attributes: ['partition', 'reason'],
  },
  millrace_view_resets: {
    kind: 'counter',
    unit: '{reset}',
    description: 'Times that the view was thrown away and read anew, by reason.',
    attributes: ['reason'],
  },
  millrace_answer_age_ms: {
    kind: 'histogram',
    unit: 'ms',
    description: 'The `ageMs` of answered rows.',
    attributes: ['source'],
    boundaries: ages,
  },
} as const satisfies Record<string, Metric>
