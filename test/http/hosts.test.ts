import { hashOf, keysOf } from '../../http/keys.ts'
import { type Http, type HttpOptions, openHttp } from '../../http/server.ts'
import { assert, suite } from '../harness.ts'
import { get, raw, status } from './raw.ts'

const test = suite('who may reach a server')

const working: HttpOptions = {
  ...{ host: '127.0.0.1', port: 0 },
  health: async () => ({ alive: true }),
  ready: async () => ({ ready: true, reasons: [] }),
  metrics: async () => 'orders 7\n',
  routes: app => {
    app.get('/ip', async request => request.ip)
  },
}
const keyed = {
  keys: keysOf([
    { key: { name: 'reader', action: 'read' }, hashes: [hashOf('r')] },
    { key: { name: 'writer', action: 'write' }, hashes: [hashOf('w')] },
  ]),
  keyed: true,
  perAddress: 0,
}
let open: Http[] = []

test.after.each(async () => {
  for (const http of open) await http.close({ drainMs: 0 })
  open = []
})

test('a server without keys answers only for this machine, whatever its name points at', async () => {
  const { port } = await serve({})
  for (const host of ['localhost', `127.0.0.1:${port}`, '[::1]:1', 'LOCALHOST:80'])
    assert.is(await statusFor(port, host), 200, host)
  for (const host of [
    'evil.example',
    'localhost.evil.example',
    `127.0.0.1.evil.example:${port}`,
    '10.0.0.1',
    '',
    '[',
    'localhost:80:80',
    'user@localhost',
    'localhost,evil.example',
  ])
    assert.is(await statusFor(port, host), 421, host)
  assert.match(await raw(port, get('/health', 'evil.example')), /"code":"other_host".*--keys/)
  const forwarded =
    'GET /health HTTP/1.1\r\nHost: evil.example\r\nX-Forwarded-Host: localhost\r\nConnection: close\r\n\r\n'
  assert.is(status(await raw(port, forwarded)), 421)
})

test('a server with keys answers for any name, and tells its metrics to keys that read', async () => {
  const { port, url } = await serve({ protection: keyed })
  assert.is(await statusFor(port, 'events.shop.example'), 200)
  const metrics = async (key: string) => {
    const headers = key === '' ? {} : { authorization: `Bearer ${key}` }
    const answer = await fetch(`${url}/metrics`, { headers })
    await answer.text()
    return answer.status
  }
  assert.is(await metrics(''), 401)
  assert.is(await metrics('x'), 401)
  assert.is(await metrics('w'), 403)
  assert.is(await metrics('r'), 200)
  assert.is((await fetch(`${url}/ready`)).status, 200)
})

test('with keys, any host may be listened at', async () => {
  const { port } = await serve({ host: '0.0.0.0', protection: keyed })
  assert.is(await statusFor(port, 'x'), 200)
})

test('who asks is taken from a proxy that is trusted, and from nobody else', async () => {
  const asked = async (trustProxy: number | readonly string[] | undefined) => {
    const trusting = trustProxy === undefined ? {} : { trustProxy }
    const { url } = await serve({ protection: { ...keyed, ...trusting } })
    const headers = { 'x-forwarded-for': '203.0.113.9, 198.51.100.7' }
    return (await fetch(`${url}/ip`, { headers })).text()
  }
  assert.is(await asked(undefined), '127.0.0.1')
  assert.is(await asked(1), '198.51.100.7')
  assert.is(await asked(['127.0.0.0/8']), '198.51.100.7')
  assert.is(await asked(['127.0.0.0/8', '198.51.100.0/24']), '203.0.113.9')
  assert.is(await asked(['10.0.0.0/8']), '127.0.0.1')
})

test.run()

async function serve(options: Partial<HttpOptions>): Promise<Http> {
  const http = await openHttp({ ...working, ...options })
  open.push(http)
  return http
}

async function statusFor(port: number, host: string): Promise<number> {
  return status(await raw(port, get('/health', host)))
}
