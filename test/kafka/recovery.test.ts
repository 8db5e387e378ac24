import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { assert, skip, suite } from '../harness.ts'
import { deathsAtEveryMoment } from '../retail/deaths.ts'
import { proveRetail, randomDeaths } from '../retail/proof.ts'
import { writeShop } from '../retail/shop.ts'
import { findRetail, realLines } from '../retail/source.ts'

const test = suite('a killed job, on BROKERS', { timeoutMs: 450_000 })
const brokers = process.env.BROKERS ?? ''
let folder = ''

test.before(async () => {
  if (brokers === '') skip('BROKERS is not set')
  folder = await mkdtemp(join(tmpdir(), 'millrace-kill-'))
})
test.after(() => rm(folder, { recursive: true, force: true }))

test('a small shop is counted exactly once through three kills and a lost folder', async () => {
  const csv = join(folder, 'shop.csv.gz')
  await writeShop(csv, { seed: 11, lines: 40_000, customers: 400 })
  const proof = await proveRetail({
    brokers,
    csv,
    deaths: randomDeaths(3, 2),
    seed: 3,
  })
  assert.ok(proof.killsAtWork >= 1, 'no kill hit work in progress')
})

test('the real shop is counted exactly once through 26 kills inside commits, checkpoints, restores and takeovers', async () => {
  const source = findRetail()
  if (source.kind === 'missing') skip(source.reason)
  const proof = await proveRetail({
    brokers,
    csv: source.path,
    deaths: deathsAtEveryMoment,
    seed: 4,
  })
  assert.is(proof.customers, realLines.customers)
  assert.is(proof.killsAtWork, deathsAtEveryMoment.length)
})

test.run()
