import { systemClock } from '../../runtime/clock.ts'
import { assert, type Suite } from '../harness.ts'
import { RetailWorld } from '../retail/retail-world.ts'

/** A broker of the test's own, which comes again on the same port and with the same folder. */
export interface MortalBroker {
  readonly address: string
  /** As `kill -9` does; resolves when it is gone. */
  kill(): Promise<void>
}

/** What becomes of a job whose broker is killed while both work. */
export function brokerKilledCase(
  test: Suite,
  start: () => Promise<MortalBroker>,
  csv: () => string,
): void {
  test('a broker killed in the middle of work, three times, is found again, and costs nothing', async () => {
    let broker = await start()
    const world = await RetailWorld.open(broker.address, csv())
    const child = world.run()
    try {
      await child.ready()
      let killsAtWork = 0
      for (let round = 1; round <= 3; round++) {
        const before = await world.committedSum()
        await world.send(Math.floor(world.lines / 4))
        while ((await world.committedSum()) === before) await systemClock.sleep(5)
        await broker.kill()
        await systemClock.sleep(300)
        broker = await start()
        if ((await world.lag()) > 0) killsAtWork += 1
        await world.hasCommitted(world.sent, child)
      }
      assert.ok(killsAtWork > 0, 'no kill hit work in progress')
      await world.send(world.lines - world.sent)
      await world.assertExact(child)
      await child.ready()
      await child.stop()
    } finally {
      await child.kill()
      await world.close()
      await broker.kill()
    }
  })
}
