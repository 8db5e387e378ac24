import { BrokerUnderTest } from '../broker-under-test.ts'
import { suite } from '../harness.ts'
import { connectionCases } from './connection-cases.ts'

const test = suite('a job behind failing connections', { timeoutMs: 120_000 })
const broker = new BrokerUnderTest()

test.before(() => broker.start())
connectionCases(test, () => broker.address)
test.after(() => broker.stop())

test.run()
