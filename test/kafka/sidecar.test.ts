import { skip, suite } from '../harness.ts'
import { sidecarCases } from '../serve/sidecar-cases.ts'

const test = suite('sidecar on BROKERS')
const brokers = process.env.BROKERS

test.before(() => {
  if (!brokers) skip('BROKERS is not set')
})

sidecarCases(test, () => brokers ?? '')
test.run()
