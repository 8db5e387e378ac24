import { BrokerUnderTest } from '../broker-under-test.ts'
import { suite } from '../harness.ts'
import { newerCases } from '../runtime/newer-cases.ts'
import { allBut, together } from '../runtime/together.ts'

const test = suite('what a newer version has written, the others', { timeoutMs: 300_000 })
const broker = new BrokerUnderTest()

test.before(() => broker.start())
test.after(() => broker.stop())

together(
  test,
  allBut(
    newerCases(() => broker.address),
    ['in the store'],
  ),
)

test.run()
