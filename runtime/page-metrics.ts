import type { Metric } from './metrics.ts'

/** The part of `metrics` about the ways in that always answer, whatever comes. */
export const pageMetrics = {
  millrace_signed_events_lost: {
    kind: 'counter',
    unit: '{event}',
    description: 'Opens and clicks that were answered and could not be kept, by their way in.',
    attributes: ['route'],
  },
  millrace_signed_links_refused: {
    kind: 'counter',
    unit: '{request}',
    description: 'Opens, clicks and unsubscriptions whose token was not good, by the fault.',
    attributes: ['route', 'reason'],
  },
  millrace_form_robots: {
    kind: 'counter',
    unit: '{request}',
    description: 'Forms dropped because the field that no person sees was filled in.',
    attributes: [],
  },
} as const satisfies Record<string, Metric>
