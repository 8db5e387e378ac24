import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { loginOf } from '../../cli/poll-login.ts'
import { assert, rejects, suite } from '../harness.ts'

const test = suite('login of a poller')
const env = { TOKEN: ' abc \n', LINES: 'a\nb' }

test('bearer, basic and a header of its own, from the environment', async () => {
  assert.equal(await loginOf(undefined, env), {})
  assert.equal(await loginOf({ bearer: { env: 'TOKEN' } }, env), { authorization: 'Bearer abc' })
  const basic = { user: 'ann', password: { env: 'TOKEN' } }
  assert.equal(await loginOf({ basic }, env), { authorization: `Basic ${btoa('ann:abc')}` })
  const header = { name: 'X-Api-Key', value: { env: 'TOKEN' } }
  assert.equal(await loginOf({ header }, env), { 'x-api-key': 'abc' })
})

test('a file is read anew each time, since a token may have been renewed', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'millrace-login-'))
  const file = join(folder, 'token')
  writeFileSync(file, 'one\n')
  const auth = { bearer: { file } }
  assert.equal(await loginOf(auth, env), { authorization: 'Bearer one' })
  writeFileSync(file, 'two\n')
  assert.equal(await loginOf(auth, env), { authorization: 'Bearer two' })
  rmSync(folder, { recursive: true })
  await rejects(() => loginOf(auth, env), 'ENOENT')
})

test('a secret that is missing, or no line, is told without it', async () => {
  const missing = await rejects(() => loginOf({ bearer: { env: 'NONE' } }, env), 'missing_secret')
  assert.match(missing.message, /expected one line of a secret in the environment variable NONE/)
  const lines = await rejects(() => loginOf({ bearer: { env: 'LINES' } }, env), 'missing_secret')
  assert.not.match(lines.message, /a\nb/)
})

test.run()
