import { defineJob, max } from '../jobs/define-job.ts'
import { definition } from './peer-job.ts'

/** The workload with what the peers' rows also carry: when the event was sent, epoch ms, by which latency is measured. */
export default defineJob({
  ...definition,
  features: { ...definition.features, sentAt: max({ value: ({ sentAt }) => sentAt ?? 0 }) },
})
