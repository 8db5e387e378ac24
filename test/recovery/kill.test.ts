import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Broker, startBroker } from '../../broker/broker.ts'
import { assert, suite } from '../harness.ts'
import { proveRetail, randomDeaths } from '../retail/proof.ts'
import { writeShop } from '../retail/shop.ts'

const test = suite('a killed job, on the embedded broker', { timeoutMs: 300_000 })
let folder = ''
let broker: Broker

test.before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'millrace-kill-'))
  broker = await startBroker({ folder: join(folder, 'broker') })
})
test.after(async () => {
  await broker.close()
  await rm(folder, { recursive: true })
})

test('a small shop is counted exactly once through three kills and a lost folder', async () => {
  const csv = join(folder, 'shop.csv.gz')
  await writeShop(csv, { seed: 11, lines: 40_000, customers: 400 })
  const proof = await proveRetail({
    brokers: broker.address,
    csv,
    deaths: randomDeaths(3, 2),
    seed: 1,
  })
  assert.ok(proof.killsAtWork >= 1, 'no kill hit work in progress')
})

test.run()
