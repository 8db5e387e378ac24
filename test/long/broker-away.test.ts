import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { systemClock } from '../../runtime/clock.ts'
import { type Millrace, startMillrace } from '../cli/millrace.ts'
import { assert, suite } from '../harness.ts'
import { freePort } from '../harness-process.ts'
import { JobWorld } from '../runtime/job-world.ts'
import { together } from '../runtime/together.ts'

const test = suite('a process whose broker is away, told to stop', { timeoutMs: 150_000 })
/** Undisturbed it takes one to four seconds; the processor is busy with other tests. */
const stopMsMax = 12_000
const running: Millrace[] = []
let folder = ''

test.before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'millrace-away-'))
})

together(test, {
  'ends at once while its takeovers wait for a broker that is gone': () => stopsSoon('SIGKILL'),
  'ends at once while its takeovers wait for a broker that stands still': () =>
    stopsSoon('SIGSTOP'),
  'ends at once in the middle of work, also while tasks are being taken over': async () => {
    const data = join(folder, 'killed')
    const port = await freePort()
    const brokerFlags = ['broker', '--data', data, '--port', String(port), '--http-port', '0']
    const broker = start(brokerFlags)
    await broker.printed(/BROKERS=/)
    const world = await JobWorld.open(`127.0.0.1:${port}`, 'killed')
    try {
      const run = ['run', world.jobPath, '--brokers', world.brokers, '--data', data]
      const job = start([...run, '--port', '0'])
      await ready(job)
      await work(world)
      broker.child.kill('SIGKILL')
      await broker.ended
      await systemClock.sleep(1_500) // its tasks are being taken over
      const startedAt = systemClock.elapsed()
      job.child.kill('SIGINT')
      const { code, stderr } = await job.ended
      const took = systemClock.elapsed() - startedAt
      assert.is(code, 0, stderr)
      assert.ok(took < 30_000, `it took ${took} ms to end:\n${stderr}`)
    } finally {
      broker.child.kill('SIGKILL')
      await world.close()
    }
  },
})

test.after(async () => {
  for (const { child } of running) child.kill('SIGKILL')
  await Promise.all(running.map(({ ended }) => ended))
  await rm(folder, { recursive: true, force: true })
})
test.run()

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

/** Resolves when the job is in the middle of much work. */
async function work(world: JobWorld): Promise<void> {
  await world.send(...world.some(2_500).map(each => ({ ...each, deed: 'slow' as const })))
  const before = await world.lag()
  await world.until(async () => (await world.lag()) < before, 'it is at work')
}

async function ready(job: Millrace): Promise<void> {
  const url = /(http:\S+)\/metrics\n/.exec(await job.printed(/http:\S+\/metrics\n/))?.[1]
  const deadline = systemClock.elapsed() + 60_000
  let answer = ''
  while (systemClock.elapsed() < deadline) {
    const response = await fetch(`${url}/ready`)
    if (response.ok) return
    answer = await response.text()
    await systemClock.sleep(50)
  }
  throw new Error(`not ready: ${answer}`)
}
