import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { startBroker } from '../../broker/broker.ts'
import { systemClock } from '../../runtime/clock.ts'
import { type Millrace, startMillrace } from '../cli/millrace.ts'
import { assert, suite } from '../harness.ts'
import { freePort } from '../harness-process.ts'

const test = suite('a broker that is away', { timeoutMs: 150_000 })
const running: Millrace[] = []
let folder = ''

test.before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'millrace-away-'))
})

test('is told, waited for, and told when it comes; Ctrl-C ends the waiting at once', async () => {
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
