import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Broker, startBroker } from '../../broker/broker.ts'
import { assert, suite } from '../harness.ts'
import { deathAtEachMoment } from '../retail/deaths.ts'
import { proveRetail } from '../retail/proof.ts'
import { writeShop } from '../retail/shop.ts'

const test = suite('a job killed at the worst moments, on the embedded broker', {
  timeoutMs: 170_000,
})

let folder = ''
let broker: Broker

test.before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'millrace-moments-'))
  broker = await startBroker({ folder: join(folder, 'broker') })
})
test.after(async () => {
  await broker.close()
  await rm(folder, { recursive: true })
})

test('a death inside each step of a commit, a checkpoint, a restore and a takeover loses and doubles nothing', async () => {
  const csv = join(folder, 'shop.csv.gz')
  await writeShop(csv, { seed: 12, lines: 20_000, customers: 400 })
  const proof = await proveRetail({
    brokers: broker.address,
    csv,
    deaths: deathAtEachMoment,
    seed: 5,
  })
  assert.is(proof.killsAtWork, deathAtEachMoment.length)
})

test.run()
