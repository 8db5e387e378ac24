import { brokerCases } from '../conformance/broker-cases.ts'
import { skip, suite } from '../harness.ts'

const test = suite('broker cases on BROKERS')
const address = process.env.BROKERS ?? ''

test.before(() => {
  if (address === '') skip('BROKERS is not set')
})

brokerCases(test, () => ({ address }))
test.run()
