import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { startBroker } from '../../broker/broker.ts'
import { systemClock } from '../../runtime/clock.ts'
import { type Millrace, startMillrace } from '../cli/millrace.ts'
import { assert, suite } from '../harness.ts'
import { freePort } from '../harness-process.ts'
import { JobWorld } from './job-world.ts'
import { together } from './together.ts'

const test = suite('a broker that is away', { timeoutMs: 150_000 })
const running: Millrace[] = []
let folder = ''

test.before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'millrace-away-'))
})

together(test, {
  'is told, waited for, and told when it comes; Ctrl-C ends the waiting at once': async () => {
    const port = await freePort()
    const brokers = `127.0.0.1:${port}`
    const flags = ['--brokers', brokers, '--data', join(folder, 'late'), '--port', '0']
    const run = () => start(['run', 'email', ...flags, '--create-input'])
    const given = run()
    await given.printed(/no broker answers/)
    const startedAt = systemClock.elapsed()
    given.child.kill('SIGINT')
    const { code, stderr } = await given.ended
    const took = systemClock.elapsed() - startedAt
    assert.ok(took < 20_000, `it took ${took} ms`)
    assert.is(code, 0, stderr)
    assert.is(stderr.match(/no broker answers/g)?.length, 1, stderr)

    const patient = run()
    await patient.printed(/no broker answers/)
    const broker = await startBroker({ folder: join(folder, 'late-broker'), port })
    await patient.printed(/the broker is back/)
    await ready(patient)
    patient.child.kill('SIGINT')
    assert.is((await patient.ended).code, 0)
    await broker.close()
  },

  'is given up at once by Ctrl-C, also while tasks are being taken over': async () => {
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
