import { systemClock } from '../../runtime/clock.ts'
import { assert } from '../harness.ts'
import type { MortalBroker } from '../recovery/broker-killed-case.ts'
import { type FaultLoad, FaultWorld } from './fault-world.ts'
import { withFolder } from './sink-world.ts'

export interface BrokerKilledOptions {
  readonly load: FaultLoad
  /** How long the broker is away, and how long the load goes on before and after. */
  readonly downMs: number
  readonly aroundMs: number
  /** Further ones of `millrace collect`. */
  readonly flags?: readonly string[]
  /** The topic's events may be there so often. */
  readonly timesMax: number
}

export interface BrokerKilledResult {
  readonly answered: number
  readonly refused: number
  readonly doubled: number
  /** From the broker's start until the spool was empty. */
  readonly drainedMs: number
}

/** Kills the broker in the midst of load and starts it again: every event that was answered 200 is on the topic. */
export async function brokerKilled(
  start: () => Promise<MortalBroker>,
  { load, downMs, aroundMs, timesMax, flags = [] }: BrokerKilledOptions,
): Promise<BrokerKilledResult> {
  const result: BrokerKilledResult[] = []
  await withFolder(async folder => {
    let broker = await start()
    const topic = `collect-killed-${process.pid}-${load.singles}-${load.batches}`
    const world = new FaultWorld(broker.address, folder, topic, flags)
    try {
      await world.startCollect()
      world.startLoad(load)
      await world.hasSafe(1)
      await systemClock.sleep(aroundMs)
      await broker.kill()
      await world.spools()
      const before = world.safe
      await systemClock.sleep(downMs)
      assert.ok(world.safe > before, 'nothing was taken while the broker was away')
      broker = await start()
      const startedAt = systemClock.elapsed()
      await systemClock.sleep(aroundMs)
      await world.stopLoad()
      await world.drained()
      const drainedMs = Math.round(systemClock.elapsed() - startedAt)
      await world.stopCollect()
      const { doubled } = await world.check(timesMax)
      const refused = world.statuses.get(429) ?? 0
      result.push({ answered: world.safe, refused, doubled, drainedMs })
      const others = [...world.statuses.keys()].filter(status => status !== 200 && status !== 429)
      assert.equal(others, [], 'statuses beside 200 and 429')
    } finally {
      await world.killCollect()
      await broker.kill()
    }
  })
  const [only] = result
  if (only === undefined) throw new Error('there is no result')
  return only
}
