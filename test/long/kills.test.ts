import { BrokerUnderTest } from '../broker-under-test.ts'
import { assert, suite } from '../harness.ts'
import { deathsAtEveryMoment } from '../retail/deaths.ts'
import { proveRetail, randomDeaths } from '../retail/proof.ts'
import { ShopFile } from '../retail/source.ts'

const test = suite('a job killed again and again, on the real shop', { timeoutMs: 1_200_000 })
const broker = new BrokerUnderTest()
const shop = new ShopFile({ seed: 13, lines: 80_000, customers: 900 })

test.before(async () => {
  await shop.open()
  await broker.start()
})
test.after(async () => {
  await broker.stop()
  await shop.close()
})

test('five kills at any time and a lost folder lose and double nothing', async () => {
  const deaths = randomDeaths(5, 3)
  const proof = await proveRetail({ brokers: broker.address, csv: shop.path, deaths, seed: 2 })
  shop.assertWhole(proof.customers)
  assert.is(proof.killsAtWork, deaths.length)
})

test('26 kills inside commits, checkpoints, restores and takeovers lose and double nothing', async () => {
  const deaths = deathsAtEveryMoment
  const proof = await proveRetail({ brokers: broker.address, csv: shop.path, deaths, seed: 4 })
  shop.assertWhole(proof.customers)
  assert.is(proof.killsAtWork, deaths.length)
})

test.run()
