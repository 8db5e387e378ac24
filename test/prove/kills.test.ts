import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { machine, table, writeResults } from '../../bench/results.ts'
import { type Broker, startBroker } from '../../broker/broker.ts'
import { systemClock } from '../../runtime/clock.ts'
import { assert, skip, suite } from '../harness.ts'
import { deathsAtEveryMoment } from '../retail/deaths.ts'
import { proveRetail, randomDeaths } from '../retail/proof.ts'
import { findRetail, realLines } from '../retail/source.ts'

/** On BROKERS where it is set, else on an embedded broker. */
const test = suite('a hundred kills', { timeoutMs: 600_000 })

let folder = ''
let own: Broker | undefined
let brokers = process.env.BROKERS ?? ''
const rows: (string | number)[][] = []

test.before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'millrace-kills-'))
  if (brokers !== '') return
  own = await startBroker({ folder: join(folder, 'broker') })
  brokers = own.address
})
test.after(async () => {
  await own?.close()
  await rm(folder, { recursive: true })
  // One part that failed, or was not run, is no proof of the others.
  if (rows.length < parts.length) return
  const where = own === undefined ? brokers : 'the embedded broker'
  const heads = ['part', 'kills', 'of these at work', 'customers', 'rows', 'seconds']
  const when = machine(new Date(systemClock.now()))
  const total = parts.reduce((sum, { deaths }) => sum + deaths.length, 0)
  const what = `${total} kills. Each part is all of the real data, and ends equal to DuckDB for every customer.`
  writeResults(
    'Kills',
    `${when}, broker: ${where}, by \`npm run prove\`\n\n${what}\n\n${table(heads, rows)}`,
  )
})

const half = deathsAtEveryMoment.length / 2
const firstHalf = deathsAtEveryMoment.slice(0, half)
/** Its last life first: there has to be something that the others can restore. */
const secondHalf = [...deathsAtEveryMoment.slice(-1), ...deathsAtEveryMoment.slice(half, -1)]

/**
 * A hundred in parts, as each part is a job with a history of its own; small ones, which end within ten minutes
 * also where the machine has much else to do.
 */
const parts = [
  { name: 'every moment, first half', deaths: firstHalf },
  { name: 'every moment, second half', deaths: secondHalf },
  { name: 'the first half again', deaths: firstHalf },
  { name: 'the second half again', deaths: secondHalf },
  ...[4, 6, 8, 10].map(lost => ({
    name: `any time, the folder lost after ${lost}`,
    deaths: randomDeaths(12, lost),
  })),
]

for (const [seed, { name, deaths }] of parts.entries()) {
  test(`killed (${name}), the job counts the real shop exactly once`, async () => {
    const source = findRetail()
    if (source.kind === 'missing') skip(source.reason)
    const startedAt = systemClock.elapsed()
    const proof = await proveRetail({ brokers, csv: source.path, deaths, seed: 100 + seed })
    assert.is(proof.customers, realLines.customers)
    const seconds = Math.round((systemClock.elapsed() - startedAt) / 1000)
    rows.push([name, deaths.length, proof.killsAtWork, proof.customers, proof.rows, seconds])
  })
}

test.run()
