import { BrokerUnderTest } from '../broker-under-test.ts'
import { suite } from '../harness.ts'
import { deadlyCases } from '../runtime/deadly-cases.ts'
import { allBut, together } from '../runtime/together.ts'

const test = suite('records that kill, the others', { timeoutMs: 300_000 })
const broker = new BrokerUnderTest()

test.before(() => broker.start())
test.after(() => broker.stop())

together(
  test,
  allBut(
    deadlyCases(() => broker.address),
    ['lane exit'],
  ),
)

test.run()
