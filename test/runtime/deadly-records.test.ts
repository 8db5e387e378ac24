import { BrokerUnderTest } from '../broker-under-test.ts'
import { suite } from '../harness.ts'
import { deadlyCases } from './deadly-cases.ts'
import { some, together } from './together.ts'

const test = suite('records that kill', { timeoutMs: 150_000 })
const broker = new BrokerUnderTest()

test.before(() => broker.start())
test.after(() => broker.stop())

/** The others are in the long tests. */
together(
  test,
  some(
    deadlyCases(() => broker.address),
    ['lane exit'],
  ),
)

test.run()
