import { knownRequests, randomRequest } from '../collect/fuzz-requests.ts'
import { FuzzWorld } from '../collect/fuzz-world.ts'
import { assert, suite } from '../harness.ts'
import { Random } from '../simulator/random.ts'

const test = suite('the door under 20,000 requests that nobody thought of', { timeoutMs: 600_000 })

const REQUESTS = 20_000
/** Several at once, and all that somebody thought of again and again among them. */
const CLIENTS = 8
const seed = process.env.MILLRACE_TEST_SEED ?? 'a long night at the door'

const world = new FuzzWorld()
test.before(() => world.start())
test.after(() => world.stop())

test('each is taken or refused in words, a neighbour is answered meanwhile, and memory stays flat', async () => {
  const known = knownRequests()
  await Promise.all(known.map(request => world.send(request)))
  const before = process.memoryUsage().rss
  const random = new Random(seed)
  const requests = Array.from({ length: REQUESTS }, (_, at) => () => {
    const its = random.fork(`${at}`)
    return at % 20 === 0 ? its.pick(known) : randomRequest(its)
  })
  const clients = Array.from({ length: CLIENTS }, async () => {
    for (let next = requests.pop(); next !== undefined; next = requests.pop())
      await world.send(next())
  })
  const times = await world.neighbour(Promise.all(clients))
  assert.equal(world.faults, [], `seed ${seed}`)
  const p99 = times[Math.floor(times.length * 0.99)] ?? Number.POSITIVE_INFINITY
  const grownMb = Math.round((process.memoryUsage().rss - before) / 1_048_576)
  console.log(
    `  neighbour: ${times.length} requests, p99 ${Math.round(p99)} ms; memory ${grownMb} MB more`,
  )
  assert.ok(p99 < 2_000, `the neighbour's p99 was ${Math.round(p99)} ms`)
  assert.ok(grownMb < 400, `memory grew by ${grownMb} MB`)
})

test.run()
