import { BrokerUnderTest } from '../broker-under-test.ts'
import { suite } from '../harness.ts'
import { quietCases } from './quiet-cases.ts'
import { some, together } from './together.ts'

const test = suite('a quiet input, and ends of a process', { timeoutMs: 150_000 })
const broker = new BrokerUnderTest()

test.before(() => broker.start())
test.after(() => broker.stop())

/** The others are in the long tests. */
together(
  test,
  some(
    quietCases(() => broker.address),
    ['control marker', 'a clean stop'],
  ),
)

test.run()
