import { connect, type Socket } from 'node:net'
import { networkInterfaces } from 'node:os'
import { keysOf } from '../../http/keys.ts'
import { type Http, type HttpOptions, openHttp } from '../../http/server.ts'
import { assert, skip, suite } from '../harness.ts'
import { get, raw, rawThenEnd, status } from './raw.ts'

const test = suite('limits of one client')

const working: HttpOptions = {
  ...{ host: '127.0.0.1', port: 0 },
  health: async () => ({ alive: true }),
  ready: async () => ({ ready: true, reasons: [] }),
  metrics: async () => 'orders 7\n',
  routes: app => {
    app.post('/in', async () => 'taken')
  },
}
const keyed = { keys: keysOf([]), keyed: true, perAddress: 0 }
let open: Http[] = []

test.after.each(async () => {
  for (const http of open) await http.close({ drainMs: 0 })
  open = []
})

test('a head with too many headers, too many bytes or too long a URL is refused', async () => {
  const { port } = await serve({})
  const withHeaders = (count: number) => get('/health', 'localhost', 'A: b\r\n'.repeat(count))
  assert.is(status(await raw(port, withHeaders(98))), 200)
  // Node 22 and newer see it themselves, and give no request for it.
  assert.match(
    await raw(port, withHeaders(150)),
    /^HTTP\/1\.1 431 [\s\S]*(too_many_headers|request_header_fields_too_large)/,
  )
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

test('a client that ends its side behind its request is answered, also when that takes a while', async () => {
  const { port } = await serve({
    routes: app => {
      app.post('/in', async () => {
        await new Promise(resolve => setTimeout(resolve, 100))
        return 'taken'
      })
    },
  })
  const head = 'POST /in HTTP/1.1\r\nHost: localhost\r\nContent-Type: text/plain\r\n'
  const answered = await rawThenEnd(port, `${head}Content-Length: 2\r\n\r\nhi`)
  assert.match(answered, /^HTTP\/1\.1 200 [\s\S]*taken$/)
  assert.match(await rawThenEnd(port, `${head}Content-Length: 9\r\n\r\nhi`), /^(HTTP\/1\.1 400 |$)/)
  assert.is(await rawThenEnd(port, ''), '')
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
  for (const [at, { text, ms }] of (await ended).entries()) {
    // Clients send an event again after 503, and some of them drop it after 408.
    const hasHead = at === 1 || at === 2
    const slow = hasHead ? /^HTTP\/1\.1 503 [\s\S]*\r\nRetry-After: 1\r\n/ : /^(HTTP\/1\.1 408 |$)/
    assert.match(text, slow)
    assert.ok(ms < 20_000, `${ms} ms`)
  }
  assert.ok(longestMs < 5_000, `another client waited for ${longestMs} ms`)
})

test('one address has so many connections and no more, unless it is a trusted proxy', async () => {
  const address = Object.values(networkInterfaces())
    .flat()
    .find(each => each?.internal === false && each.family === 'IPv4')?.address
  if (address === undefined) return skip('this machine has no address but loopback')
  const cases = [
    [{}, 3],
    [{ trustProxy: 1 }, 6],
  ] as const
  for (const [proxy, expected] of cases) {
    const limits = { connectionsPerAddressMax: 3 }
    const { port } = await serve({ host: '0.0.0.0', protection: { ...keyed, ...proxy }, limits })
    const answers = Array.from({ length: 6 }, () => held(address, port))
    const open = (await Promise.all(answers)).filter(each => each.answered)
    assert.is(open.length, expected)
    const [first] = open
    await new Promise(resolve => first?.socket.destroy().once('close', resolve) ?? resolve(0))
    // Its place is free again.
    let again = await held(address, port)
    while (!again.answered) again = await held(address, port)
    for (const { socket } of [...open, again]) socket.destroy()
  }
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

/** A connection that stays open, if the server lets it. */
function held(host: string, port: number): Promise<{ socket: Socket; answered: boolean }> {
  return new Promise(resolve => {
    const request = get('/health').replace('close', 'keep-alive')
    const socket = connect(port, host, () => socket.write(request))
    socket.once('data', () => resolve({ socket, answered: true }))
    socket.on('error', () => undefined)
    socket.once('close', () => resolve({ socket, answered: false }))
  })
}

/** Sends a little every now and then, until the server ends it. */
function drip(port: number, first: string, drop: string): Promise<{ text: string; ms: number }> {
  const start = performance.now()
  return new Promise(resolve => {
    let text = ''
    let timer: NodeJS.Timeout | undefined
    const socket = connect(port, '127.0.0.1', () => {
      socket.write(first)
      timer = setInterval(() => socket.write(drop), 30)
    })
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
