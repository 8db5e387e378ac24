import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Broker, startBroker } from '../../broker/broker.ts'
import { suite } from '../harness.ts'
import { brokerCases } from './broker-cases.ts'

const test = suite('embedded broker')
const folder = mkdtempSync(join(tmpdir(), 'millrace-broker-'))
let broker: Broker

test.before(async () => {
  broker = await startBroker({
    folder,
    intervals: { transactionsMs: 100, compactionMs: 200, retentionMs: 200 },
  })
})

test.after(async () => {
  await broker.close()
  rmSync(folder, { recursive: true })
})

brokerCases(test, () => ({ address: broker.address, retentionMsMax: 20_000 }))
test.run()
