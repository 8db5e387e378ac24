import { JobError } from '../jobs/job.ts'
import { BadRecord } from './decode.ts'
import type { Fault } from './side-outputs.ts'

/** Why something is not even tried again, by code. */
export const deadly = {
  kills_lane: 'this was in hand each time that its lane died',
  kills_process: 'this was in hand each time that its process died',
}

/** Code and reason for the dead letters. A job may throw anything. */
export function faultOf(error: unknown): Fault {
  if (error instanceof BadRecord || error instanceof JobError) {
    return { code: error.code, reason: error.message }
  }
  const reason = error instanceof Error ? `${error.name}: ${error.message}` : String(error)
  return { code: 'job_threw', reason }
}
