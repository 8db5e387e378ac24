import { systemClock } from '../../runtime/clock.ts'
import { BrokerUnderTest } from '../broker-under-test.ts'
import { assert, suite } from '../harness.ts'
import { Random } from '../simulator/random.ts'
import { ChainedWorld } from './chained-world.ts'

const test = suite('two chained jobs, killed', { timeoutMs: 300_000 })
const broker = new BrokerUnderTest()
let world: ChainedWorld

test.before(async () => {
  await broker.start()
  world = await ChainedWorld.open(broker.address)
})
test.after(async () => {
  await world.close()
  await broker.stop()
})

test('what one job sends to the other takes effect once, whichever is killed, and whenever', async () => {
  const random = new Random(3)
  world.start('things')
  world.start('baskets')
  for (const which of ['baskets', 'things', 'baskets'] as const) {
    const before = await world.brought()
    await world.send(500)
    await world.hasBrought(before + 200)
    const sending = world.trickle(20, 50)
    await systemClock.sleep(random.below(1_000))
    await world.killAndStart(which)
    await sending
  }
  await world.settled()
  assert.equal(await world.rows('baskets'), world.expected.baskets)
  assert.equal(await world.rows('things'), world.expected.things)
  console.log(`\n  brought again after deaths: ${await world.broughtAgain()}`)
})

test.run()
