import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { systemClock } from '../../runtime/clock.ts'
import { type Millrace, startMillrace } from '../cli/millrace.ts'
import { assert, suite } from '../harness.ts'

const test = suite('npm start, again', { timeoutMs: 120_000 })
const running: Millrace[] = []
let data = ''

test.before(async () => {
  data = await mkdtemp(join(tmpdir(), 'millrace-start-'))
})
test.after(async () => {
  for (const { child } of running) child.kill('SIGKILL')
  await rm(data, { recursive: true, force: true })
})

test('goes on where it was', async () => {
  const before = await shown()
  const after = await shown(before.path)
  assert.ok(after.version[0] >= before.version[0], 'the row went back')
})

/** Starts it, reads the row at the path, or of the user that it shows, and stops it in order. */
async function shown(path?: string): Promise<{ path: string; version: [number, number] }> {
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
  const started = startMillrace(['start', ...anyPort])
  running.push(started)
  const live = /http:\S+\/features\n[\s\S]*live, .* lag 0/
  const [url = ''] = /http:\S+\/features/.exec(await started.printed(live)) ?? []
  const at = new URL(path ?? new URL(url).pathname, url)
  let row = await fetch(at)
  for (let tries = 0; row.status === 404 && tries < 200; tries++) {
    await systemClock.sleep(50) // the first event takes a moment
    row = await fetch(at)
  }
  assert.is(row.status, 200)
  const { version } = (await row.json()) as { version: [number, number] }
  started.child.kill('SIGINT')
  const { code, stderr } = await started.ended
  assert.is(code, 0, stderr)
  return { path: path ?? new URL(url).pathname, version }
}

test.run()
