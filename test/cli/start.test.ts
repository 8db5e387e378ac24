import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { systemClock } from '../../runtime/clock.ts'
import { assert, suite } from '../harness.ts'
import { type Millrace, millrace, startMillrace } from './millrace.ts'

const test = suite('npm start', { timeoutMs: 240_000 })
let data = ''

test.before(async () => {
  data = await mkdtemp(join(tmpdir(), 'millrace-start-'))
})
const running: Millrace[] = []
test.after(async () => {
  for (const { child } of running) child.kill('SIGKILL')
  await rm(data, { recursive: true, force: true })
})

test('shows a user with features, refuses a second one, and stops in order at Ctrl-C', async () => {
  const anyPort = [
    '--data',
    data,
    '--port',
    '0',
    '--job-port',
    '0',
    '--collect-port',
    '0',
    '--broker-port',
    '0',
  ]
  const first = startMillrace(['start', ...anyPort])
  running.push(first)
  const [url = ''] =
    /http:\S+\/features/.exec(await first.printed(/http:\S+\/features\n[\s\S]*live, .* lag 0/)) ??
    []
  await becomes(url, features => Number(features.views7d) > 0)
  assert.ok(await hasMetric(new URL('/metrics', url), 'millrace_events_in_total'))

  const printed = await first.printed(/http:\S+\/v1\/track\n/)
  assert.match(printed, /^write key: dev$/m)
  const [, door = '', key = '', event = ''] =
    /^try: curl (http:\S+) -u (\w+): -d '(.*)'$/m.exec(printed) ?? []
  const sent = await fetch(door, {
    ...{ method: 'POST', body: event },
    headers: { authorization: `Basic ${btoa(`${key}:`)}` },
  })
  assert.is(await sent.text(), '{"success":true}')
  await becomes(new URL('/v1/users/me/features', url), ({ spend30d }) => spend30d === 9.5)

  const second = await millrace(['start', ...anyPort])
  assert.is(second.code, 1)
  assert.match(
    second.stdout + second.stderr,
    /\nmillrace: the broker's folder .* is in use by process/,
  )

  first.child.kill('SIGINT')
  const { code, stdout, stderr } = await first.ended
  assert.is(code, 0, stderr)
  assert.match(stdout, /^stopped, /m)
})

test('refuses a file where the shop was, and a file that is not there, in one line', async () => {
  const other = await millrace(['start', '--data', data, '--input', 'package.json'])
  assert.is(other.code, 1)
  assert.match(
    other.stderr,
    /^millrace: this folder holds the events of the made-up shop.*--fresh[^\n]*\n$/,
  )
  const none = await millrace(['start', '--data', data, '--input', '/no/such/file'])
  assert.is(none.code, 1)
  assert.match(none.stderr, /^millrace: \/no\/such\/file does not exist\n$/)
})

/** Until the row is as it should be: an event takes a moment. */
async function becomes(
  url: URL | string,
  fits: (features: Record<string, unknown>) => boolean,
): Promise<void> {
  const deadline = systemClock.elapsed() + 60_000
  let text = ''
  while (systemClock.elapsed() < deadline) {
    text = await (await fetch(url)).text()
    if (fits(JSON.parse(text).features ?? {})) return
    await systemClock.sleep(50)
  }
  assert.unreachable(`the row stays ${text}`)
}

/** A start loads what measures it last of all. */
async function hasMetric(url: URL, name: string): Promise<boolean> {
  const deadline = systemClock.elapsed() + 60_000
  while (systemClock.elapsed() < deadline) {
    if ((await (await fetch(url)).text()).includes(name)) return true
    await systemClock.sleep(100)
  }
  return false
}

test.run()
