import { BrokerUnderTest } from '../broker-under-test.ts'
import { suite } from '../harness.ts'
import { faultCases } from '../recovery/fault-cases.ts'
import { ShopFile } from '../retail/source.ts'

const test = suite('a job in trouble, on the real shop', { timeoutMs: 300_000 })
const broker = new BrokerUnderTest()
const shop = new ShopFile({ seed: 23, lines: 40_000, customers: 900 })

test.before(async () => {
  await shop.open()
  await broker.start()
})
faultCases(
  test,
  () => broker.address,
  () => shop.path,
)
test.after(async () => {
  await broker.stop()
  await shop.close()
})

test.run()
