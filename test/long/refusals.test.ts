import { BrokerUnderTest } from '../broker-under-test.ts'
import { suite } from '../harness.ts'
import { refusalCases } from '../runtime/refusal-cases.ts'
import { allBut, together } from '../runtime/together.ts'

const test = suite('what a job refuses, the others', { timeoutMs: 300_000 })
const broker = new BrokerUnderTest()

test.before(() => broker.start())
test.after(() => broker.stop())

together(
  test,
  allBut(
    refusalCases(() => broker.address),
    ['number of partitions', 'that is compacted'],
  ),
)

test.run()
