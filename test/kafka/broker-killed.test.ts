import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { suite } from '../harness.ts'
import { freePort } from '../harness-process.ts'
import { brokerKilledCase } from '../recovery/broker-killed-case.ts'
import { writeShop } from '../retail/shop.ts'
import { needs, startKafka } from './own-kafka.ts'

const test = suite('a Kafka of its own, killed', { timeoutMs: 600_000 })
let folder = ''
let csv = ''
let port = 0

test.before(async () => {
  needs('java', 'mvn')
  folder = await mkdtemp(join(tmpdir(), 'millrace-kafka-killed-'))
  csv = join(folder, 'shop.csv.gz')
  await writeShop(csv, { seed: 24, lines: 60_000, customers: 400 })
  port = await freePort(2)
})
test.after(() => rm(folder, { recursive: true, force: true, maxRetries: 5 }))

brokerKilledCase(
  test,
  async () => {
    const kafka = await startKafka('start', port, join(folder, 'kafka'))
    return { address: `127.0.0.1:${port}`, kill: () => kafka.kill() }
  },
  () => csv,
)

test.run()
