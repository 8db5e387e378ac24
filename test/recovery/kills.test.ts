import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { BrokerUnderTest } from '../broker-under-test.ts'
import { assert, suite } from '../harness.ts'
import { deathOfEachKind } from '../retail/deaths.ts'
import { proveRetail } from '../retail/proof.ts'
import { writeShop } from '../retail/shop.ts'

const test = suite('a killed job, on a small shop', { timeoutMs: 300_000 })
const broker = new BrokerUnderTest()
let folder = ''

test.before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'millrace-kills-'))
  await broker.start()
})
test.after(async () => {
  await broker.stop()
  await rm(folder, { recursive: true })
})

test('a death in a checkpoint, a commit and a restore loses and doubles nothing', async () => {
  const csv = join(folder, 'shop.csv.gz')
  await writeShop(csv, { seed: 12, lines: 8_000, customers: 400 })
  const deaths = deathOfEachKind
  const proof = await proveRetail({ brokers: broker.address, csv, deaths, seed: 5, lanes: 1 })
  assert.is(proof.killsAtWork, deaths.length)
})

test.run()
