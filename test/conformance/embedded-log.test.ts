import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Broker, startBroker } from '../../broker/broker.ts'
import { systemClock } from '../../runtime/clock.ts'
import { openKafkaLog } from '../../runtime/kafka-log.ts'
import { suite } from '../harness.ts'
import { logCases } from './log-cases.ts'

const test = suite('log on the embedded broker')
const folder = mkdtempSync(join(tmpdir(), 'millrace-log-'))
let broker: Broker
let clients = 0

test.before(async () => {
  broker = await startBroker({ folder, intervals: { transactionsMs: 200 } })
})

test.after(async () => {
  await broker.close()
  rmSync(folder, { recursive: true })
})

logCases(test, () => ({
  open: () =>
    openKafkaLog({
      brokers: broker.address,
      clientId: `conformance-${++clients}`,
      clock: systemClock,
    }),
  sleep: ms => systemClock.sleep(ms),
  close: async () => undefined,
}))
test.run()
