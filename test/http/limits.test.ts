import { connect, type Socket } from 'node:net'
import { hashOf, keysOf } from '../../http/keys.ts'
import { type Http, type HttpOptions, openHttp } from '../../http/server.ts'
import { assert, suite } from '../harness.ts'

const test = suite('limits of one client')

const working: HttpOptions = {
  ...{ host: '127.0.0.1', port: 0 },
  health: async () => ({ alive: true }),
  ready: async () => ({ ready: true, reasons: [] }),
  metrics: async () => 'orders 7\n',
  routes: app => {
    app.post('/in', async () => 'taken')
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
  for (const http of open) await http.close(0)
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

test('a head with too many headers, too many bytes or too long a URL is refused', async () => {
  const { port } = await serve({})
  const withHeaders = (count: number) => get('/health', 'localhost', 'A: b\r\n'.repeat(count))
  assert.is(status(await raw(port, withHeaders(98))), 200)
  assert.match(await raw(port, withHeaders(150)), /^HTTP\/1\.1 431 [\s\S]*too_many_headers/)
  assert.is(status(await raw(port, withHeaders(10_000))), 431)
  assert.is(
    status(await raw(port, get('/health', 'localhost', `A: ${'b'.repeat(20_000)}\r\n`))),
    431,
  )
  assert.match(
    await raw(port, get(`/health?${'x'.repeat(9_000)}`)),
    /^HTTP\/1\.1 414 [\s\S]*url_too_long/,
  )
  assert.is(status(await raw(port, get(`/health?${'x'.repeat(90_000)}`))), 431)
})

test('a body that says it is larger than allowed is refused before it is read', async () => {
  const { port } = await serve({ bodyBytesMax: 1_000 })
  const head = 'POST /in HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n'
  for (const length of ['2147483648', '1001', '9007199254740993'])
    assert.is(status(await raw(port, `${head}Content-Length: ${length}\r\n\r\n{`)), 413, length)
  for (const length of ['-1', '1e3', '0x10', '99999999999999999999999'])
    assert.is(status(await raw(port, `${head}Content-Length: ${length}\r\n\r\n{`)), 400, length)
})

test('a head or a body that drips in is cut off, while others are answered at once', async () => {
  const limits = { headMsMax: 300, requestMsMax: 600, lookEveryMs: 50 }
  const { port, url } = await serve({ limits })
  const head = 'POST /in HTTP/1.1\r\nHost: localhost\r\nContent-Type: text/plain\r\n'
  const drips = [
    drip(port, 'POST /in HTTP/1.1\r\nHost: localhost\r\n', 'A: b\r\n'),
    drip(port, `${head}Content-Length: 100000\r\n\r\n`, 'x'),
    drip(port, `${head}Transfer-Encoding: chunked\r\n\r\n`, '1\r\nx\r\n'),
    drip(port, '', '\r\n'),
  ]
  let longestMs = 0
  let done = false
  const ended = Promise.all(drips).finally(() => {
    done = true
  })
  while (!done) {
    const start = performance.now()
    assert.is((await fetch(`${url}/health`)).status, 200)
    longestMs = Math.max(longestMs, performance.now() - start)
    await new Promise(resolve => setTimeout(resolve, 20))
  }
  for (const { text, ms } of await ended) {
    assert.match(text, /^(HTTP\/1\.1 408 |$)/)
    assert.ok(ms < 20_000, `${ms} ms`)
  }
  assert.ok(longestMs < 5_000, `another client waited for ${longestMs} ms`)
})

test('an answer that is partly sent is not mixed with one to what cannot be read after it', async () => {
  let finish: () => void = () => undefined
  const { port } = await serve({
    routes: app => {
      app.get('/long', (_request, reply) => {
        reply.hijack()
        reply.raw.writeHead(200, { 'content-length': '10' })
        reply.raw.write('begun')
        finish = () => reply.raw.end('ended')
      })
    },
  })
  const text = await new Promise<string>((resolve, reject) => {
    let text = ''
    const socket = connect(port, '127.0.0.1', () =>
      socket.write(get('/long').replace('close', 'keep-alive')),
    )
    socket.on('data', bytes => {
      text += bytes
      if (text.endsWith('begun')) socket.write('\x00rubbish\r\n\r\n')
    })
    socket.on('close', () => resolve(text))
    socket.on('error', reject)
  })
  finish()
  assert.match(text, /^HTTP\/1\.1 200 OK[\s\S]*begun$/)
})

test('what was asked for is not repeated with its query, in which a key may be', async () => {
  const { url } = await serve({})
  const answer = await fetch(`${url}/nowhere?writeKey=mr_w_secret`)
  assert.is(answer.status, 404)
  assert.not.match(await answer.text(), 'secret')
})

test.run()

async function serve(options: Partial<HttpOptions>): Promise<Http> {
  const http = await openHttp({ ...working, ...options })
  open.push(http)
  return http
}

function get(path: string, host = 'localhost', headers = ''): string {
  return `GET ${path} HTTP/1.1\r\nHost: ${host}\r\n${headers}Connection: close\r\n\r\n`
}

async function statusFor(port: number, host: string): Promise<number> {
  return status(await raw(port, get('/health', host)))
}

function status(answer: string): number {
  return Number(/^HTTP\/1\.1 (\d{3}) /.exec(answer)?.[1])
}

/** All that the server sends until it ends the connection. */
function raw(port: number, request: string): Promise<string> {
  return new Promise(resolve => {
    let text = ''
    const socket: Socket = connect(port, '127.0.0.1', () => socket.write(request))
    socket.setTimeout(10_000, () => socket.destroy())
    socket.on('data', bytes => {
      text += bytes
    })
    // It may end while we still send.
    socket.on('error', () => undefined)
    socket.on('close', () => resolve(text))
  })
}

/** Sends a little every now and then, until the server ends it. */
function drip(port: number, first: string, drop: string): Promise<{ text: string; ms: number }> {
  const start = performance.now()
  return new Promise(resolve => {
    let text = ''
    const socket = connect(port, '127.0.0.1', () => socket.write(first))
    const timer = setInterval(() => socket.write(drop), 30)
    socket.on('data', bytes => {
      text += bytes
    })
    socket.on('error', () => undefined)
    socket.on('close', () => {
      clearInterval(timer)
      resolve({ text, ms: performance.now() - start })
    })
  })
}
