import {
  REQUESTS_MAX,
  REQUESTS_PER_ADDRESS_MAX,
  ReadingSlots,
} from '../../collect/webhook-slots.ts'
import { assert, suite } from '../harness.ts'

const test = suite('webhooks being read')

test('one address has some of the slots at most, all have no more than there are, and each is given back', () => {
  const slots = new ReadingSlots()
  const take = (address: string, times: number) =>
    Array.from({ length: times }, () => slots.take(address)).filter(free => free !== undefined)
  const slow = take('10.0.0.1', 100)
  assert.is(slow.length, REQUESTS_PER_ADDRESS_MAX)
  const others = take('10.0.0.2', 100)
  assert.is(others.length, REQUESTS_MAX - REQUESTS_PER_ADDRESS_MAX)
  assert.is(take('10.0.0.3', 1).length, 0)
  for (const free of slow) free()
  assert.is(take('10.0.0.3', 1).length, 1)
  assert.is(take('10.0.0.1', 100).length, REQUESTS_PER_ADDRESS_MAX - 1)
})

test.run()
