import { rfmQuintiles } from '../../cli/rfm-quintiles.ts'
import type { Log } from '../../runtime/log.ts'
import { assert, rejects, suite } from '../harness.ts'
import { FaultPlan } from '../simulator/faults.ts'
import { Random } from '../simulator/random.ts'
import { Scheduler } from '../simulator/scheduler.ts'
import { SimCluster } from '../simulator/sim-cluster.ts'

const test = suite('quintiles of a job')
const dayMs = 86_400_000
const now = Date.UTC(2026, 5, 1)
let log: Log
let end: () => void

test.before.each(async () => {
  const random = new Random('quintiles')
  const scheduler = new Scheduler(random.fork('scheduler'), now)
  const plan = new FaultPlan(random.fork('plan'), {})
  log = new SimCluster({ scheduler, random, plan }).open('tool').log
  end = scheduler.runInBackground(error => {
    throw error
  })
  await log.topics.create([{ topic: 'shop.features', partitions: 2, replication: 1, config: {} }])
})
test.after.each(() => end())

async function write(rows: readonly (readonly [key: string, row: object | null])[]) {
  const records = rows.map(([key, row]) => ({ key, value: row && JSON.stringify(row) }))
  await log.producer().send([{ topic: 'shop.features', partition: 1, records }])
}

/** Of somebody who ordered so many days before `now`. */
const row = (days: number, orders: number, asOf = now) => {
  const lastAt = now - days * dayMs
  const rfm = { recencyDays: Math.min(days, 240), orders, spend: orders * 10.5, lastAt }
  return { asOf, features: { rfm, views: 3 } }
}

test('part all who have ordered, by their newest rows, into fifths', async () => {
  await write([
    ...Array.from({ length: 10 }, (_, n) => [`u${n}`, row(999, 999)] as const),
    ...Array.from({ length: 10 }, (_, n) => [`u${n}`, row(n * 100, n + 1)] as const),
    ['erased', row(50, 500)],
    ['erased', null],
    ['never', { asOf: now, features: { rfm: { orders: 0, spend: 0, lastAt: null } } }],
  ])
  assert.equal(await rfmQuintiles(log, 'shop', 'rfm'), [
    'measure,edge1,edge2,edge3,edge4',
    'recencyDays,200,400,600,800',
    'orders,3,5,7,9',
    'spend,31.5,52.5,73.5,94.5',
  ])
})

test('of a job without such a feature are refused', async () => {
  await write([['ann', row(1, 1)]])
  await rejects(() => rfmQuintiles(log, 'shop', 'views'), /none of the 1 rows of shop.features/)
})

test.run()
