import { connect } from 'node:net'
import { isLoopback, ListenError } from '../../http/listen.ts'
import { Problem } from '../../http/problem.ts'
import { createApp, type HttpOptions, openHttp } from '../../http/server.ts'
import { assert, suite } from '../harness.ts'

const test = suite('http server')

const working: Omit<HttpOptions, 'host' | 'port'> = {
  health: async () => ({ alive: true }),
  ready: async () => ({ ready: true, reasons: [] }),
  metrics: async () => 'events 1\n',
}
const local = { host: '127.0.0.1', port: 0 }

test('the probes answer 200 where all is well, and the metrics are text', async () => {
  const app = createApp(working)
  assert.is((await app.inject('/health')).statusCode, 200)
  const ready = await app.inject('/ready')
  assert.is(ready.statusCode, 200)
  assert.equal(ready.json(), { ready: true, reasons: [] })
  const metrics = await app.inject('/metrics')
  assert.is(metrics.body, 'events 1\n')
  assert.is(metrics.headers['content-type'], 'text/plain; version=0.0.4; charset=utf-8')
  await app.close()
})

test('a process that is not ready says why with 503, and so does a probe that throws', async () => {
  const app = createApp({
    ...working,
    ready: async () => ({ ready: false, reasons: ['partition 3 is restoring'] }),
    health: async () => {
      throw new Error('the lane is gone')
    },
  })
  const ready = await app.inject('/ready')
  assert.is(ready.statusCode, 503)
  assert.equal(ready.json(), { ready: false, reasons: ['partition 3 is restoring'] })
  const health = await app.inject('/health')
  assert.is(health.statusCode, 503)
  assert.equal(health.json(), { alive: false, reasons: ['the lane is gone'] })
  await app.close()
})

test('a probe that hangs is answered as not ready', async () => {
  const app = createApp({ ...working, ready: () => new Promise(() => undefined) })
  const ready = await app.inject('/ready')
  assert.is(ready.statusCode, 503)
  assert.match(ready.body, 'did not answer within 2000 ms')
  await app.close()
})

test('errors are problem+json; what went wrong inside is told to the log only', async () => {
  const failures: string[] = []
  const app = createApp({
    ...working,
    failed: (error, route) => failures.push(`${route}: ${error}`),
    routes: app => {
      app.get('/refused', () => {
        throw new Problem(429, 'too_fast', 'wait a second', { 'retry-after': '1' })
      })
      app.get('/broken/:id', () => {
        throw new Error('password is 1234')
      })
    },
  })
  const refused = await app.inject('/refused')
  assert.is(refused.statusCode, 429)
  assert.is(refused.headers['content-type'], 'application/problem+json; charset=utf-8')
  assert.is(refused.headers['retry-after'], '1')
  assert.equal(refused.json(), {
    title: 'Too Many Requests',
    status: 429,
    code: 'too_fast',
    detail: 'wait a second',
  })
  const broken = await app.inject('/broken/7')
  assert.is(broken.statusCode, 500)
  assert.is(broken.json().code, 'internal_error')
  assert.not.match(broken.body, '1234')
  assert.equal(failures, ['/broken/:id: Error: password is 1234'])
  const missing = await app.inject('/nowhere')
  assert.is(missing.statusCode, 404)
  assert.is(missing.json().code, 'no_such_route')
  const badUrl = await app.inject('/broken/%zz')
  assert.is(badUrl.statusCode, 400)
  assert.is(badUrl.json().code, 'bad_request')
  await app.close()
})

test('a body over the limit is refused', async () => {
  const app = createApp({
    ...working,
    bodyBytesMax: 10,
    routes: app => void app.post('/in', async () => 'taken'),
  })
  const answer = await app.inject({ method: 'POST', url: '/in', payload: { long: 'enough' } })
  assert.is(answer.statusCode, 413)
  assert.is(answer.json().code, 'payload_too_large')
  await app.close()
})

test('each answer is told with its route, not with its path', async () => {
  const answers: string[] = []
  const app = createApp({
    ...working,
    answered: (route, status, ms) => answers.push(`${route} ${status} ${ms >= 0}`),
    routes: app => void app.get('/of/:user', async () => 'row'),
  })
  await app.inject('/of/anna')
  await app.inject('/anna')
  assert.equal(answers, ['/of/:user 200 true', ' 404 true'])
  await app.close()
})

test('a server listens on a free port, and a second on the same is told so', async () => {
  const http = await openHttp({ ...working, ...local })
  assert.is(http.url, `http://127.0.0.1:${http.port}`)
  assert.is((await fetch(`${http.url}/health`)).status, 200)
  const error = await openHttp({ ...working, ...local, port: http.port }).catch(listenError)
  assert.ok(error instanceof ListenError)
  assert.is(error.code, 'port_in_use')
  assert.match(error.message, `port ${http.port} on 127.0.0.1`)
  assert.match(error.message, '--port')
  await http.close()
})

test('a host that others can reach is refused, with what to do', async () => {
  for (const host of ['0.0.0.0', '::', 'example.com', '10.0.0.7', '127.example.com']) {
    const error = await openHttp({ ...working, host, port: 0 }).catch(listenError)
    assert.ok(error instanceof ListenError, host)
    assert.is(error.code, 'host_needs_keys')
    assert.match(error.message, '--host 127.0.0.1')
  }
  for (const host of ['localhost', '127.0.0.1', '127.3.2.1', '::1']) assert.ok(isLoopback(host))
})

test('an impossible port is a clear error', async () => {
  const error = await openHttp({ ...working, host: '127.0.0.1', port: 70_000 }).catch(listenError)
  assert.ok(error instanceof ListenError)
  assert.is(error.code, 'bad_address')
})

test('closing waits for the request under way, and cuts off one that does not end', async () => {
  let finish: () => void = () => undefined
  const slow = new Promise<void>(resolve => {
    finish = resolve
  })
  const routes: HttpOptions['routes'] = app => {
    app.get('/slow', () => slow.then(() => 'done'))
    app.get('/endless', () => new Promise(() => undefined))
  }
  const first = await openHttp({ ...working, ...local, routes })
  const answer = fetch(`${first.url}/slow`)
  await requests(first)
  const closed = first.close()
  finish()
  assert.is(await (await answer).text(), 'done')
  await closed

  const second = await openHttp({ ...working, ...local, routes })
  const cut = fetch(`${second.url}/endless`).then(
    () => 'answered',
    () => 'cut off',
  )
  await requests(second)
  await second.close({ drainMs: 50 })
  assert.is(await cut, 'cut off')
})

test('what is not HTTP gets 400 as problem+json and its connection closed', async () => {
  const http = await openHttp({ ...working, ...local })
  const received = await new Promise<string>((resolve, reject) => {
    let text = ''
    const socket = connect(http.port, '127.0.0.1', () => socket.write('rubbish\r\n\r\n'))
    socket.on('data', bytes => {
      text += bytes
    })
    socket.on('close', () => resolve(text))
    socket.on('error', reject)
  })
  assert.match(received, /^HTTP\/1\.1 400 Bad Request\r\n/)
  assert.match(received, '"code":"bad_request"')
  await http.close()
})

function listenError(error: unknown): unknown {
  return error
}

/** Resolves when the server has taken a request that is not answered. */
async function requests(http: Awaited<ReturnType<typeof openHttp>>): Promise<void> {
  const connections = () =>
    new Promise<number>(resolve => http.app.server.getConnections((_, count) => resolve(count)))
  while ((await connections()) === 0) await new Promise(resolve => setTimeout(resolve, 5))
  await new Promise(resolve => setTimeout(resolve, 20))
}

test.run()
