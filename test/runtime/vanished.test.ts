import { count, defineJob, sum } from '../../jobs/define-job.ts'
import type { Job } from '../../jobs/job.ts'
import { featureBegins } from '../../runtime/feature-begins.ts'
import { vanishedFeatures } from '../../runtime/vanished.ts'
import { assert, suite } from '../harness.ts'
import { FaultPlan } from '../simulator/faults.ts'
import { Random } from '../simulator/random.ts'
import { Scheduler } from '../simulator/scheduler.ts'
import { SimCluster } from '../simulator/sim-cluster.ts'

const test = suite('features that vanish')
const { signal } = new AbortController()
const jobOf = (features: Parameters<typeof defineJob>[0]['features']): Job =>
  defineJob({ name: 'shop', input: 'events', features }) as Job
const views = count({ of: 'Viewed' })
const both = jobOf({ views, spent: sum({ of: 'Bought', value: 'price' }) })

/** What is told when `next` follows `both`, whose rows lie in partition 1. */
async function vanished(next: Job, rows: readonly (string | null)[]): Promise<string[]> {
  const random = new Random('vanished')
  const scheduler = new Scheduler(random.fork('scheduler'), Date.UTC(2026, 0, 1))
  const plan = new FaultPlan(random.fork('plan'), {})
  const { log, clock } = new SimCluster({ scheduler, random, plan }).open('job')
  const end = scheduler.runInBackground(error => {
    throw error
  })
  const topic = 'shop.features'
  await log.topics.create([{ topic, partitions: 2, replication: 1, config: {} }])
  const records = rows.map(value => ({ key: 'ann', value }))
  if (rows.length > 0) await log.producer().send([{ topic, partition: 1, records }])
  const before = featureBegins([], both.featureIds ?? {}, 0)
  const names = await vanishedFeatures({ job: next, log, clock, signal, partition: 1 }, before)
  end()
  return names
}

const row = JSON.stringify({ key: 'ann', features: { views: 1, spent: 2 } })

test('are those of the newest row that the job has no more', async () => {
  const alone = jobOf({ views })
  assert.equal(await vanished(alone, [row, row, null]), ['spent'])
  assert.equal(await vanished(both, [row]), [])
  const renamed = jobOf({ views, spend: sum({ of: 'Bought', value: 'price' }) })
  assert.equal(await vanished(renamed, [row]), ['spent'])
  const changed = jobOf({ views, spent: sum({ of: 'Bought', value: 'cost' }) })
  assert.equal(await vanished(changed, [row]), [], 'it begins anew, and that is told')
})

test('are not known without a row, nor from a record of somebody else', async () => {
  const alone = jobOf({ views })
  assert.equal(await vanished(alone, []), [])
  assert.equal(await vanished(alone, ['?']), [])
})

test.run()
