import { skip, suite } from '../harness.ts'
import { connectionCases } from '../recovery/connection-cases.ts'

const test = suite('a job behind failing connections, on BROKERS', { timeoutMs: 120_000 })
const brokers = process.env.BROKERS ?? ''

test.before(() => {
  if (brokers === '') skip('BROKERS is not set')
})
connectionCases(test, () => brokers)

test.run()
