import { JobError } from '../../jobs/job.ts'
import { BadRecord } from '../../runtime/decode.ts'

/** The code in the dead letters; what is no fault of an event or a job is thrown on. */
export function codeOf(error: unknown): string {
  if (error instanceof BadRecord || error instanceof JobError) return error.code
  throw error
}
