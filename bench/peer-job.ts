import {
  count,
  defineJob,
  type JobDefinition,
  lastDistinct,
  lastTime,
  sum,
} from '../jobs/define-job.ts'
import type { Event } from '../jobs/event.ts'

/** A missing price or quantity is 0, as the peers have it. */
const spent = ({ properties }: Event) =>
  Number(properties.price ?? 0) * Number(properties.quantity ?? 0)

/**
 * The workload of bench/peers/README.md: the same features from the same events. No event is dropped as a
 * repeat or as late, since the peers drop none.
 */
export const definition: JobDefinition = {
  name: 'peer',
  input: 'events',
  idle: 'hold',
  decay: 'event',
  dedupe: false,
  lateness: '36500d',
  features: {
    views7d: count({ of: 'Product Viewed', over: '7d', every: '1h' }),
    purchases7d: count({ of: 'Order Completed', over: '7d', every: '1h' }),
    spend7d: sum({ of: 'Order Completed', value: spent, over: '7d', every: '1h' }),
    count: count({}),
    lastTs: lastTime({}),
    last10: lastDistinct({ of: 'Product Viewed', value: 'product_id', optional: true, keep: 10 }),
  },
}

export default defineJob(definition)
