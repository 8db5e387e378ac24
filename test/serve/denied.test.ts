import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Broker, startBroker } from '../../broker/broker.ts'
import { systemClock } from '../../runtime/clock.ts'
import { type Log, LogDenied } from '../../runtime/log.ts'
import { startSidecar } from '../../serve/sidecar.ts'
import { millrace } from '../cli/millrace.ts'
import { assert, suite } from '../harness.ts'
import { newWorld, START } from './sidecar-world.ts'

const test = suite('a sidecar that is not let in', { timeoutMs: 60_000 })
let folder = ''
let broker: Broker

test.before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'millrace-denied-'))
  broker = await startBroker({ folder: join(folder, 'broker') })
})
test.after(async () => {
  await broker.close()
  await rm(folder, { recursive: true, force: true })
})

test('ends with one line that names the remedy, as the job does', async () => {
  const flags = ['--sasl', 'plain', '--sasl-user', 'somebody', '--port', '0']
  const secret = { MILLRACE_SASL_SECRET: 'no-such-secret' }
  const commands = ['serve', 'run email --create-input']
  await Promise.all(
    commands.map(async command => {
      const where = ['--brokers', broker.address, '--data', join(folder, command)]
      const { code, stderr } = await millrace([...command.split(' '), ...flags, ...where], secret)
      assert.is(code, 1, stderr)
      // The first start of serve tells of the keys for signing that it made.
      const told = stderr.replace(/^.*"msg":"made .*\n/, '')
      assert.match(told, /^millrace: the broker asks for no login on this port.*--sasl.*\n$/)
    }),
  )
})

test('goes on answering when that happens to one that was let in before', async () => {
  const denied = new LogDenied('the broker refused the login', undefined)
  const { ranges, failures, healthy } = await lives(async answered => {
    if (answered > 0) throw denied
  })
  assert.ok(ranges > 2, 'it asks again')
  assert.equal(failures, [])
  assert.ok(healthy)
  const atOnce = await lives(async () => {
    throw denied
  })
  assert.equal(atOnce.failures, [denied])
  assert.not.ok(atOnce.healthy)
})

test.run()

/** Lets a sidecar live for a while on a log whose `ranges` and reader are closed by `mayAnswer`. */
async function lives(
  mayAnswer: (answered: number) => Promise<void>,
): Promise<{ ranges: number; failures: unknown[]; healthy: boolean }> {
  const world = newWorld(START)
  const { log, clock } = world.handle
  let asked = 0
  let answered = 0
  const failures: unknown[] = []
  const closed: Log = Object.create(log, {
    topics: {
      value: Object.create(log.topics, {
        ranges: {
          value: async (topic: string) => {
            asked++
            await mayAnswer(answered)
            answered++
            return log.topics.ranges(topic)
          },
        },
      }),
    },
    reader: {
      value: (options: Parameters<Log['reader']>[0]) => {
        const reader = log.reader(options)
        const poll = reader.poll.bind(reader)
        reader.poll = async () => {
          await mayAnswer(answered)
          return poll()
        }
        return reader
      },
    },
  })
  const sidecar = await startSidecar({
    log: closed,
    topic: 'email.features',
    folder: await mkdtemp(join(folder, 'view-')),
    host: '127.0.0.1',
    port: 0,
    clock,
    failed: error => failures.push(error),
  })
  for (let turn = 0; turn < 30; turn++) {
    await world.pass(1_000)
    await systemClock.sleep(10) // the view's disk is a real one
  }
  const { ok: healthy } = await fetch(`${sidecar.url}/health`)
  const stopping = sidecar.stop()
  await Promise.race([stopping, systemClock.sleep(2_000)])
  await world.pass(5_000)
  await stopping
  return { ranges: asked, failures, healthy }
}
