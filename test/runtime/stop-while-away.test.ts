import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { systemClock } from '../../runtime/clock.ts'
import { type Log, LogError, nextOffset } from '../../runtime/log.ts'
import { Task } from '../../runtime/task.ts'
import { Wake } from '../../runtime/wake.ts'
import { memoryStore } from '../../state/memory-store.ts'
import { type Millrace, startMillrace } from '../cli/millrace.ts'
import { assert, suite } from '../harness.ts'
import { newWorld, START } from '../serve/sidecar-world.ts'
import { simJob } from '../simulator/sim-job.ts'
import { JobWorld } from './job-world.ts'
import { together } from './together.ts'

const test = suite('a stop while the broker is away', { timeoutMs: 150_000 })
/** Undisturbed it takes one to four seconds; the processor is busy with other tests. */
const stopMsMax = 12_000
const running: Millrace[] = []
let folder = ''

test.before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'millrace-stop-'))
})
test.after(async () => {
  for (const { child } of running) child.kill('SIGKILL')
  await Promise.all(running.map(({ ended }) => ended))
  await rm(folder, { recursive: true, force: true })
})

together(test, {
  'breaks off a takeover at once, whatever it waits for': breaksOff,
  'ends a process whose takeovers wait for a broker that is gone': () => stopsSoon('SIGKILL'),
  'ends a process whose takeovers wait for a broker that stands still': () => stopsSoon('SIGSTOP'),
})
test.run()

type Wait = 'committed' | 'ranges' | 'poll'

async function breaksOff(): Promise<void> {
  for (const wait of ['committed', 'ranges', 'poll'] as const) {
    const waiting = new Wake()
    const { log, clock } = newWorld(START).handle
    const task = new Task({
      job: simJob({ idle: 'hold' }),
      ...{ partition: 0, partitions: 1, era: 0, acceptLoss: false, mode: 'exactly-once' as const },
      ...{ generation: undefined, sameOwner: false, poison: undefined, cacheKeysMax: 10 },
      log: standingStill(log, wait, () => waiting.now()),
      clock,
      openStore: async () => memoryStore(),
      newHistory: () => 'history',
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

async function stopsSoon(signal: 'SIGKILL' | 'SIGSTOP'): Promise<void> {
  const broker = start([
    'broker',
    '--data',
    join(folder, signal),
    '--port',
    '0',
    '--http-port',
    '0',
  ])
  const address = /BROKERS=(\S+)/.exec(await broker.printed(/BROKERS=\S+/))?.[1] ?? ''
  const world = await JobWorld.open(address, signal.toLowerCase(), { partitions: 1 })
  try {
    const run = ['run', world.jobPath, '--brokers', address, '--data', folder, '--port', '0']
    const job = start(run)
    await world.send(...world.some(100))
    await world.settled()
    // A lane that dies has its tasks taken over by a new one, which finds no broker.
    await world.send({ user: 'user-3', deed: 'exit' })
    await job.printed(/has died/)
    broker.child.kill(signal)
    await systemClock.sleep(signal === 'SIGKILL' ? 4_000 : 2_000)
    const startedAt = systemClock.elapsed()
    job.child.kill('SIGINT')
    const { code, stderr } = await job.ended
    const took = systemClock.elapsed() - startedAt
    assert.is(code, 0, stderr)
    assert.ok(took < stopMsMax, `it took ${took} ms to end:\n${stderr}`)
  } finally {
    broker.child.kill('SIGKILL')
    await broker.ended
    await world.close()
  }
}

function start(args: string[]): Millrace {
  const started = startMillrace(args)
  running.push(started)
  return started
}
