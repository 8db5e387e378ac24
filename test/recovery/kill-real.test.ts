import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Broker, startBroker } from '../../broker/broker.ts'
import { assert, skip, suite } from '../harness.ts'
import { proveRetail, randomDeaths } from '../retail/proof.ts'
import { findRetail, realLines } from '../retail/source.ts'

const test = suite('a killed job on real data, on the embedded broker', { timeoutMs: 300_000 })
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

test('the real shop is counted exactly once through five kills and a lost folder', async () => {
  const source = findRetail()
  if (source.kind === 'missing') skip(source.reason)
  const proof = await proveRetail({
    brokers: broker.address,
    csv: source.path,
    deaths: randomDeaths(5, 3),
    seed: 2,
  })
  assert.is(proof.customers, realLines.customers)
  assert.is(proof.killsAtWork, 5)
})

test.run()
