import { BrokerUnderTest } from '../broker-under-test.ts'
import { assert, suite } from '../harness.ts'
import { newerCases } from './newer-cases.ts'
import { pipelineOf } from './pipeline-world.ts'
import { some, together } from './together.ts'

const test = suite('what a newer version has written', { timeoutMs: 150_000 })
const broker = new BrokerUnderTest()

test.before(() => broker.start())
test.after(() => broker.stop())

/** The others are in the long tests. */
together(
  test,
  some(
    newerCases(() => broker.address),
    ['in the store'],
  ),
)

test('a state that the job itself cannot read stops the task as well', () => {
  const forgetful = pipelineOf({ cacheMax: 1 })
  for (const each of ['ann', 'bob', 'cid', 'dan']) {
    forgetful.take({ user: each })
    forgetful.commit()
  }
  forgetful.job.decode = () => {
    throw new TypeError('no such field')
  }
  assert.throws(() => forgetful.take({ user: 'ann' }), /cannot read .*no such field/)
  assert.equal(forgetful.codes(), [])
})

test.run()
