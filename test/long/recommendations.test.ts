import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Broker, startBroker } from '../../broker/broker.ts'
import { systemClock } from '../../runtime/clock.ts'
import { assert, suite } from '../harness.ts'
import { type CategoryOf, NaiveProducts, type ShopStep } from '../jobs/naive-recommendations.ts'
import { Random } from '../simulator/random.ts'
import { RecommendationsWorld } from './recommendations-world.ts'

const test = suite('recommendations, both jobs killed', { timeoutMs: 300_000 })
let folder: string
let broker: Broker
let world: RecommendationsWorld

test.before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'millrace-broker-'))
  broker = await startBroker({ folder })
  world = await RecommendationsWorld.open(broker.address)
})
test.after(async () => {
  await world.close()
  await broker.close()
  await rm(folder, { recursive: true, force: true })
})

const categoryOf: CategoryOf = product => `kind ${Number(product.slice(1)) % 3}`

test('what is viewed and bought together is counted exactly, whichever of the jobs is killed', async () => {
  const begun = systemClock.now()
  const random = new Random(7)
  const steps: ShopStep[] = []
  const shop = async (count: number) => {
    const sent: ShopStep[] = []
    for (let left = count; left > 0; left--) {
      const number = steps.length + sent.length
      const isOrder = random.below(8) === 0
      const products = Array.from(
        { length: isOrder ? 3 : 1 },
        () => `p${random.below(5) + random.below(6)}`,
      )
      const event = isOrder ? 'Order Completed' : 'Product Viewed'
      const step = { event, userId: `u${random.below(30)}`, messageId: `m${number}` } as const
      sent.push({ ...step, timestamp: begun - 3_600_000 + number * 1_000, products })
    }
    steps.push(...sent)
    await world.send(sent.map(eventOf))
  }

  world.start('products')
  world.start('pairs')
  await shop(200)
  const [paired, counted] = [await world.moved('pairs', 0), await world.moved('products', 0)]
  await shop(200)
  await world.killAndStart('pairs')
  await shop(200)
  await world.moved('pairs', paired)
  await world.killAndStart('products')
  await shop(200)
  await world.moved('products', counted)
  await world.settled()

  const naive = new NaiveProducts(steps, categoryOf)
  const rows = await world.rows('products')
  assert.equal([...rows.keys()].sort(), [...naive.keys.keys()].sort())
  for (const [key, features] of rows) naive.compare(key, features)
  const users = await world.rows('pairs')
  for (const [user, { lastViewed }] of users) {
    const views = steps.filter(({ userId, event }) => userId === user && event === 'Product Viewed')
    const last = [...new Set(views.reverse().flatMap(({ products }) => products))].slice(0, 10)
    assert.equal(lastViewed, last)
  }
})

function eventOf({ products, ...step }: ShopStep) {
  const described = products.map(id => ({ product_id: id, category: categoryOf(id) }))
  const isOrder = step.event === 'Order Completed'
  return { ...step, properties: isOrder ? { products: described } : { ...described[0] } }
}

test.run()
