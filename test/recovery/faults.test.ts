import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { BrokerUnderTest } from '../broker-under-test.ts'
import { suite } from '../harness.ts'
import { writeShop } from '../retail/shop.ts'
import { faultCases } from './fault-cases.ts'

const test = suite('a job in trouble', { timeoutMs: 150_000 })
const broker = new BrokerUnderTest()
let folder = ''
let csv = ''

test.before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'millrace-faults-'))
  csv = join(folder, 'shop.csv.gz')
  await writeShop(csv, { seed: 21, lines: 15_000, customers: 400 })
  await broker.start()
})
faultCases(
  test,
  () => broker.address,
  () => csv,
)
test.after(async () => {
  await broker.stop()
  await rm(folder, { recursive: true })
})

test.run()
