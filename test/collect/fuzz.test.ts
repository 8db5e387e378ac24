import { assert, suite } from '../harness.ts'
import { Random } from '../simulator/random.ts'
import { knownRequests, randomRequest } from './fuzz-requests.ts'
import { FuzzWorld } from './fuzz-world.ts'

const test = suite('whatever is sent to the door', { timeoutMs: 120_000 })

const world = new FuzzWorld()
test.before(() => world.start())
test.after(() => world.stop())

test('what somebody thought of is taken or refused in words, and a neighbour is answered meanwhile', async () => {
  const statuses = new Map<string, readonly number[]>()
  const sending = (async () => {
    for (const request of knownRequests()) statuses.set(request.name, await world.send(request))
  })()
  const times = await world.neighbour(sending)
  assert.equal(world.faults, [])
  const expected: Record<string, number> = {
    '/v1/batch gzip bomb': 413,
    '/v1/batch gzip bomb, not told': 413,
    '/v1/batch half a gzip': 400,
    '/v1/batch deep and never closed': 400,
    '/v1/batch no JSON': 400,
    '/v1/batch UTF-16 LE': 400,
    '/v1/batch many nulls': 200,
    '/v1/batch deep in a batch': 200,
    '10,000 headers': 431,
    'length 2147483648': 413,
    'two lengths': 400,
    'length and chunks': 400,
    'a bad chunk size': 400,
  }
  for (const [name, status] of Object.entries(expected))
    assert.equal(statuses.get(name), [status], name)
  const p99 = times[Math.floor(times.length * 0.99)] ?? Number.POSITIVE_INFINITY
  assert.ok(p99 < 2_000, `the neighbour's p99 was ${Math.round(p99)} ms of ${times.length}`)
})

test('what nobody thought of is taken or refused in words', async () => {
  const random = new Random('door')
  for (let at = 0; at < 300; at++) await world.send(randomRequest(random.fork(`${at}`)))
  assert.equal(world.faults, [])
})

test.run()
