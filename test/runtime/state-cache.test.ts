import { StateCache } from '../../runtime/state-cache.ts'
import { assert, suite } from '../harness.ts'

const test = suite('the cache of a lane')

test('its tasks share the decoded states, as many of them as there are at the time', () => {
  let tasks = 0
  const cache = new StateCache({ cacheKeysMax: 100, cacheBytesMax: 0 }, () => tasks)
  assert.is(cache.keysMax, 100)
  tasks = 1
  assert.is(cache.keysMax, 100)
  tasks = 3
  assert.is(cache.keysMax, 33)
  tasks = 1_000
  assert.is(cache.keysMax, 1)
})

test.run()
