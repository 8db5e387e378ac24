import { systemClock } from '../../runtime/clock.ts'
import { openKafkaLog } from '../../runtime/kafka-log.ts'
import { logCases } from '../conformance/log-cases.ts'
import type { LogWorld } from '../conformance/log-world.ts'
import { skip, suite } from '../harness.ts'

const test = suite('log on BROKERS')
const brokers = process.env.BROKERS
let clients = 0

const world: LogWorld = {
  open: () =>
    openKafkaLog({
      brokers: brokers ?? '',
      clientId: `conformance-${++clients}`,
      clock: systemClock,
    }),
  sleep: ms => systemClock.sleep(ms),
  close: async () => undefined,
}

test.before(() => {
  if (!brokers) skip('BROKERS is not set')
})

logCases(test, () => world)
test.run()
