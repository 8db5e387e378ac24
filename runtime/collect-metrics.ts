import type { Metric } from './metrics.ts'

/** What collecting measures. */
export const collectMetrics = {} as const satisfies Record<string, Metric>
