import { startBroker } from '../../broker/broker.ts'
import { FaultWorld } from '../collect/fault-world.ts'
import { withFolder } from '../collect/sink-world.ts'
import { assert, suite } from '../harness.ts'

const test = suite('a collector that is killed', { timeoutMs: 90_000 })

for (const answerAfter of ['brokers', 'spool'])
  test(`kill -9 in the midst of load, with the broker there and away: what was answered 200, after ${answerAfter}, reaches the topic`, () =>
    withFolder(async folder => {
      const start = (port = 0) => startBroker({ folder: `${folder}/broker`, port })
      let broker = await start()
      const world = new FaultWorld(broker.address, folder, 'events', [
        '--answer-after',
        answerAfter,
      ])
      await world.startCollect()
      world.startLoad({ singles: 300, batches: 5 })
      await world.hasSafe(500)
      await world.killCollect()
      await world.startCollect()
      await world.hasSafe(500)

      await broker.close()
      await world.spools()
      await world.hasSafe(500)
      await world.killCollect()
      await world.startCollect()
      await world.hasSafe(500)
      broker = await start(broker.port)
      await world.hasSafe(200)
      await world.stopLoad()
      await world.drained()
      await world.stopCollect()
      const { found } = await world.check(2)
      assert.ok(found >= world.safe)
      await broker.close()
    }))

test.run()
