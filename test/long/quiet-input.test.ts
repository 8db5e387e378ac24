import { BrokerUnderTest } from '../broker-under-test.ts'
import { suite } from '../harness.ts'
import { quietCases } from '../runtime/quiet-cases.ts'
import { allBut, together } from '../runtime/together.ts'

const test = suite('a quiet input, and ends of a process, the others', { timeoutMs: 300_000 })
const broker = new BrokerUnderTest()

test.before(() => broker.start())
test.after(() => broker.stop())

together(
  test,
  allBut(
    quietCases(() => broker.address),
    ['control marker', 'a clean stop'],
  ),
)

test.run()
