import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { systemClock } from '../../runtime/clock.ts'
import { type Millrace, millrace, startMillrace } from '../cli/millrace.ts'
import { assert, suite } from '../harness.ts'
import { freePort } from '../harness-process.ts'
import { needs, type OwnKafka, startKafka } from './own-kafka.ts'

const test = suite('TLS and logins, on a Kafka of its own', { timeoutMs: 150_000 })
const script = fileURLToPath(new URL('./start-secure', import.meta.url))
const secret = 'tide-and-wheel'
const wrongSecret = 'rudder-and-reef'
let folder = ''
let port = 0
let kafka: OwnKafka | undefined
const running: Millrace[] = []

test.before(async () => {
  needs('java', 'mvn', 'openssl')
  folder = await mkdtemp(join(tmpdir(), 'millrace-secure-'))
  port = await freePort(5)
  kafka = await startKafka('start-secure', port, join(folder, 'kafka'))
  await writeFile(join(folder, 'secret'), `${secret}\n`)
})
test.after(async () => {
  for (const { child, ended } of running) {
    child.kill('SIGKILL')
    await ended
  }
  await kafka?.kill()
  await rm(folder, { recursive: true, force: true, maxRetries: 5 })
})

test('a job goes from its events to its rows over TLS with a SCRAM login, its threads too', async () => {
  const flags = [...tls(2), ...login('scram-512'), '--sasl-secret-file', join(folder, 'secret')]
  const { code, output } = await job(flags)
  assert.is(code, 0, output)
  assert.not.match(output, secret)
})

for (const mechanism of ['plain', 'scram-256', 'scram-512']) {
  test(`${mechanism} logs in over TLS, by the environment`, async () => {
    const flags = [...tls(2), ...login(mechanism)]
    const { code, stderr } = await millrace(question(flags), { MILLRACE_SASL_SECRET: secret })
    assert.match(stderr, /topic "secure-job\.dead" does not exist|^$/)
    assert.is(code, stderr === '' ? 0 : 1)
  })

  test(`a wrong secret for ${mechanism} is one line with the remedy, and is not printed`, async () => {
    const flags = [...plain(4), ...login(mechanism)]
    const env = { MILLRACE_SASL_SECRET: wrongSecret, MILLRACE_LOG: 'trace' }
    const { code, stdout, stderr } = await millrace(question(flags), env)
    assert.is(code, 1)
    assert.match(lastLine(stderr), /^millrace: the broker refused the login .* check --sasl/)
    assert.not.match(stdout + stderr, wrongSecret)
  })
}

test('TLS alone will do', async () => {
  const { stderr } = await millrace(question(tls(3)))
  assert.match(stderr, /^$|does not exist/)
})

test('a certificate of an unknown authority is one line with the remedy', async () => {
  for (const flags of [
    [...plain(3), '--tls'],
    [...plain(3), '--tls-ca', join(folder, 'kafka/other.pem')],
  ]) {
    const { code, stderr } = await millrace(question(flags))
    assert.is(code, 1)
    assert.match(stderr, /^millrace: the certificate of \S+ is not trusted .* give --tls-ca .*\n$/)
  }
})

test('a certificate for another name is one line with the remedy', async () => {
  const ca = join(folder, 'kafka/ca.pem')
  const { code, stderr } = await millrace(
    question(['--brokers', `localhost:${port + 3}`, '--tls-ca', ca]),
  )
  assert.is(code, 1)
  assert.match(stderr, /^millrace: the certificate of \S+ is for another name .*--brokers.*\n$/)
})

test('a file without a certificate, and a login that nobody asked for, are one line each', async () => {
  const noCertificate = await millrace(question([...plain(3), '--tls-ca', script]))
  assert.match(noCertificate.stderr, /^millrace: --tls-ca \S+ holds no certificate.*\n$/)
  const notAsked = await millrace(question([...plain(0), ...login('plain')]), {
    MILLRACE_SASL_SECRET: secret,
  })
  assert.match(notAsked.stderr, /^millrace: the broker asks for no login on this port.*\n$/)
  assert.equal([noCertificate.code, notAsked.code], [1, 1])
})

test('a job with a wrong secret ends by itself, with one line', async () => {
  const flags = [...tls(2), ...login('scram-256'), '--data', join(folder, 'wrong'), '--port', '0']
  const { code, stdout, stderr } = await millrace(['run', 'email', ...flags], {
    MILLRACE_SASL_SECRET: wrongSecret,
  })
  assert.is(code, 1)
  assert.match(stderr, /^millrace: the broker refused the login .*\n$/)
  assert.not.match(stdout + stderr, wrongSecret)
})

test('collect with a wrong secret ends by itself, and its last line says why', async () => {
  const flags = [...tls(2), ...login('scram-256'), '--data', join(folder, 'wrong'), '--port', '0']
  const { code, stdout, stderr } = await millrace(['collect', ...flags], {
    MILLRACE_SASL_SECRET: wrongSecret,
  })
  assert.is(code, 1)
  assert.match(lastLine(stderr), /^millrace: the broker refused the login .* check --sasl/)
  assert.not.match(stdout + stderr, wrongSecret)
})

test.run()

const plain = (listener: number) => ['--brokers', `127.0.0.1:${port + listener}`]
const tls = (listener: number) => [...plain(listener), '--tls-ca', join(folder, 'kafka/ca.pem')]
const login = (mechanism: string) => ['--sasl', mechanism, '--sasl-user', 'ada']
const question = (flags: string[]) => ['dead', 'list', '--job', 'secure-job', ...flags]
const lastLine = (text: string) => text.trimEnd().split('\n').at(-1) ?? ''

/** Runs a job until a row of an event of ours is committed. */
async function job(flags: string[]): Promise<{ code: number | null; output: string }> {
  const run = startMillrace([
    ...['run', 'email', '--create-input', '--partitions', '2', '--port', '0'],
    ...['--data', join(folder, 'data'), ...flags],
  ])
  running.push(run)
  const url = /http:\S+\/metrics/.exec(await run.printed(/http:\S+\/metrics/))?.[0] ?? ''
  const events = join(folder, 'events.ndjson')
  const event = { type: 'track', event: 'Product Viewed', userId: 'u-1', messageId: 'm-1' }
  await writeFile(
    events,
    JSON.stringify({ ...event, timestamp: new Date(systemClock.now()).toISOString() }),
  )
  await until(async () => (await fetch(url.replace('metrics', 'ready'))).ok)
  const sent = await millrace(['replay', events, ...flags])
  assert.is(sent.code, 0, sent.stderr)
  await until(async () => /millrace_rows_out_total\S* 1\b/.test(await (await fetch(url)).text()))
  run.child.kill('SIGTERM')
  const { code, stdout, stderr } = await run.ended
  return { code, output: stdout + stderr }
}

async function until(holds: () => Promise<boolean>): Promise<void> {
  for (let tries = 0; !(await holds()); tries++) {
    if (tries > 600) throw new Error('it has not come about in a minute')
    await systemClock.sleep(100)
  }
}
