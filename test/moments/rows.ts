import type { TestEvent } from '../../runtime/test-job.ts'

/** One row of a data set, in the order of its file; what the job's events and SQL's table are made of. */
export interface MomentRow {
  readonly user: string
  readonly event: 'Bought' | 'Returned'
  /** Epoch ms. */
  readonly ms: number
  /** A multiple of 1/1024, so that sums are exact in any order. */
  readonly amount: number
  readonly product: string
  readonly kind: string
}

/** As the events of a job. */
export function eventOf({ user, event, ms, ...properties }: MomentRow, line: number): TestEvent {
  return { event, userId: user, messageId: String(line), timestamp: ms, properties }
}
