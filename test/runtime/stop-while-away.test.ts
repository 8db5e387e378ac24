import { systemClock } from '../../runtime/clock.ts'
import { type Log, LogError, nextOffset } from '../../runtime/log.ts'
import { StateCache } from '../../runtime/state-cache.ts'
import { Task } from '../../runtime/task.ts'
import { Wake } from '../../runtime/wake.ts'
import { memoryStore } from '../../state/memory-store.ts'
import { assert, suite } from '../harness.ts'
import { newWorld, START } from '../serve/sidecar-world.ts'
import { simJob } from '../simulator/sim-job.ts'

const test = suite('a stop while the broker is away', { timeoutMs: 150_000 })

/** That a process ends too is in the long tests. */
test('breaks off a takeover at once, whatever it waits for', breaksOff)
test.run()

type Wait = 'committed' | 'ranges' | 'poll'

async function breaksOff(): Promise<void> {
  for (const wait of ['committed', 'ranges', 'poll'] as const) {
    const waiting = new Wake()
    const { log, clock } = newWorld(START).handle
    const task = new Task({
      job: simJob({ idle: 'hold' }),
      ...{ partition: 0, partitions: 1, era: 0, acceptLoss: false, mode: 'exactly-once' as const },
      ...{ generation: undefined, sameOwner: false, poison: undefined },
      log: standingStill(log, wait, () => waiting.now()),
      clock,
      openStore: async () => memoryStore(),
      newHistory: () => 'history',
      cache: new StateCache({ cacheKeysMax: 10, cacheBytesMax: 0 }, () => 1),
      inHand: () => undefined,
      events: {
        onTaken: () => undefined,
        onRestore: () => undefined,
        onCommit: () => undefined,
        onCheckpoint: () => undefined,
        onFailed: () => undefined,
      },
    })
    const reached = waiting.wait()
    const taken = task.takeOver().catch((error: unknown) => error)
    await reached
    task.abortTakeover()
    const end = await Promise.race([taken, systemClock.sleep(5_000).then(() => 'waits')])
    assert.instance(end, LogError, `${wait}: ${end}`)
    await task.close({ clean: true })
  }
}

/** A log of a task that has committed, whose brokers answer nothing when it comes to `wait`. */
function standingStill(log: Log, wait: Wait, onReached: () => void): Log {
  const never = () => {
    onReached()
    return new Promise<never>(() => undefined)
  }
  const some = async () => [{ start: nextOffset(0), end: nextOffset(9) }]
  return {
    ...{ membership: log.membership, producer: log.producer, close: async () => undefined },
    topics: { ...log.topics, ranges: wait === 'ranges' ? never : some },
    committed: wait === 'committed' ? never : async () => [undefined],
    transactor: () => ({
      fence: async () => undefined,
      begin: () => {
        throw new Error('nothing is to be written')
      },
      opened: async () => undefined,
      close: async () => undefined,
    }),
    reader: () => ({
      seek: () => undefined,
      pause: () => undefined,
      resume: () => undefined,
      drop: () => undefined,
      poll: never,
      close: async () => undefined,
    }),
  }
}
