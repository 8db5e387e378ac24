import { createHash } from 'node:crypto'
import { gunzipSync } from 'node:zlib'
import { addPageScript, pageScript } from '../../collect/page-script.ts'
import { assert, suite } from '../harness.ts'
import { linkWorld } from './link-world.ts'

const test = suite('page script')
const script = pageScript()
const open = () => linkWorld(door => addPageScript(door.app)).app

test('it is less than 2 KB on the wire', () => {
  assert.ok(script.gzipped.length < 2_048, `${script.gzipped.length} bytes`)
  assert.is(gunzipSync(script.gzipped).toString(), script.text)
})

test('it is one expression of plain JavaScript that uses nothing of ours', () => {
  new Function(script.text)
  assert.not.match(script.text, /\/\*|\n\/\/|\bimport\b|\brequire\b/)
})

test('at the path of its hash it is cached for ever, elsewhere for minutes', async () => {
  const app = open()
  const headers = { 'accept-encoding': 'gzip, br' }
  const pinned = await app.inject({ url: `${script.path}?writeKey=dev`, headers })
  assert.is(pinned.statusCode, 200)
  assert.is(pinned.headers['cache-control'], 'public, max-age=31536000, immutable')
  assert.is(pinned.headers['content-type'], 'text/javascript; charset=utf-8')
  assert.is(pinned.headers['content-encoding'], 'gzip')
  assert.is(gunzipSync(pinned.rawPayload).toString(), script.text)
  const alias = await app.inject('/v1/millrace.js?writeKey=dev')
  assert.match(String(alias.headers['cache-control']), 'max-age=300,')
  assert.is(alias.headers['content-encoding'], undefined)
  assert.is(alias.body, script.text)
  const hash = createHash('sha256').update(alias.body).digest()
  assert.is(script.path, `/v1/page-${hash.toString('hex').slice(0, 16)}.js`)
  assert.is(script.integrity, `sha256-${hash.toString('base64')}`)
  await app.close()
})

test('a page that names an older version gets the present one, and not for ever', async () => {
  const app = open()
  const old = await app.inject('/v1/page-0123456789abcdef.js')
  assert.is(old.body, script.text)
  assert.match(String(old.headers['cache-control']), 'max-age=300,')
  await app.close()
})

test('who has it already is told so', async () => {
  const app = open()
  const { etag = '' } = (await app.inject('/v1/millrace.js')).headers
  const again = await app.inject({
    url: '/v1/millrace.js',
    headers: { 'if-none-match': `"x", W/${etag}` },
  })
  assert.is(again.statusCode, 304)
  assert.is(again.body, '')
  const other = await app.inject({ url: '/v1/millrace.js', headers: { 'if-none-match': '"x"' } })
  assert.is(other.statusCode, 200)
  await app.close()
})

test.run()
