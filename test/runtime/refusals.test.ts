import { BrokerUnderTest } from '../broker-under-test.ts'
import { suite } from '../harness.ts'
import { refusalCases } from './refusal-cases.ts'
import { some, together } from './together.ts'

const test = suite('what a job refuses', { timeoutMs: 150_000 })
const broker = new BrokerUnderTest()

test.before(() => broker.start())
test.after(() => broker.stop())

/** The others are in the long tests. */
together(
  test,
  some(
    refusalCases(() => broker.address),
    ['number of partitions', 'that is compacted'],
  ),
)

test.run()
