import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { assert, suite } from '../harness.ts'
import { millrace, startMillrace } from './millrace.ts'

const test = suite('command line')
const oneLine = /^millrace: [^\n]+\n$/

test('--help of the program and of each command prints what it does and ends with exit code 0', async () => {
  const { code, stdout, stderr } = await millrace(['--help'])
  assert.is(code, 0)
  assert.is(stderr, '')
  const commands = [...stdout.matchAll(/^ {2}(\w+) \[options\]/gm)].map(([, name = '']) => name)
  assert.ok(commands.includes('features') && commands.includes('replay'), stdout)
  for (const command of commands) {
    const help = await millrace([command, '--help'])
    assert.is(help.code, 0, help.stderr)
    assert.match(help.stdout, `Usage: millrace ${command}`)
  }
})

test('--version prints the version of the package', async () => {
  assert.match((await millrace(['--version'])).stdout, /^\d+\.\d+\.\d+\n$/)
})

test('a wrong command line is one line and exit code 2', async () => {
  const wrong = [
    ['featurs', 'x'],
    ['features'],
    ['features', 'x', '--prot', '1'],
    ['features', 'x', '--port', '65536'],
    ['features', 'x', '--port', '1e3'],
    ['replay', 'x', '--brokers', 'localhost'],
    ['replay', 'x', '--sasl', 'md5'],
  ]
  for (const args of wrong) {
    const { code, stdout, stderr } = await millrace(args)
    assert.is(code, 2, args.join(' '))
    assert.is(stdout, '')
    assert.match(stderr, oneLine)
  }
})

test('an environment variable stands for its flag, and is checked like it', async () => {
  const { code, stderr } = await millrace(['features', 'x'], { MILLRACE_PORT: 'many' })
  assert.is(code, 2)
  assert.match(stderr, /MILLRACE_PORT/)
  assert.match((await millrace(['replay', 'x'], { BROKERS: 'nowhere' })).stderr, /BROKERS/)
})

test('a file that is not there is one line and exit code 1', async () => {
  const { code, stderr } = await millrace(['replay', '/no/such/file', '--brokers', '127.0.0.1:1'])
  assert.is(code, 1)
  assert.match(stderr, oneLine)
  assert.match(stderr, '/no/such/file does not exist')
})

test('a broker that is away is told, waited for, and left at the first Ctrl-C', async () => {
  const { child, ended, printed } = startMillrace([
    'replay',
    'package.json',
    '--brokers',
    '127.0.0.1:1',
  ])
  await printed(/no broker answers/)
  child.kill('SIGINT')
  const { code, stderr } = await ended
  assert.is(code, 0)
  assert.is(stderr.match(/no broker answers/g)?.length, 1)
})

test('features prints the row that the sidecar answers', async () => {
  const server = await listen((path, answer) => {
    answer(
      200,
      JSON.stringify({
        key: decodeURIComponent(path.split('/')[3] ?? ''),
        features: { orders: 3 },
      }),
    )
  })
  const { port } = server.address() as AddressInfo
  const { code, stdout } = await millrace(['features', 'a/b ü', '--port', String(port)])
  server.close()
  assert.is(code, 0)
  assert.equal(JSON.parse(stdout), { key: 'a/b ü', features: { orders: 3 } })
})

test('features says in one line what is wrong: nobody listens, no such user, no sidecar', async () => {
  const server = await listen((path, answer) => {
    if (path.includes('nobody')) answer(404, '{}')
    else if (path.includes('html')) answer(200, '<html>')
    else answer(503, '{"error":"not ready"}')
  })
  const { port } = server.address() as AddressInfo
  const ask = async (user: string) => {
    const { code, stderr } = await millrace(['features', user, '--port', String(port)])
    assert.is(code, 1)
    assert.match(stderr, oneLine)
    return stderr
  }
  assert.match(await ask('nobody'), /no features of user "nobody"/)
  assert.match(await ask('html'), /is it a sidecar\?/)
  assert.match(await ask('other'), /answered 503: \{"error":"not ready"\}/)
  await new Promise(resolve => server.close(resolve))
  assert.match(await ask('x'), /nothing listens at http:.*millrace serve/)
})

test.run()

async function listen(
  handle: (path: string, answer: (status: number, body: string) => void) => void,
): Promise<Server> {
  const server = createServer((request, response) => {
    handle(request.url ?? '', (status, body) =>
      response.writeHead(status, { connection: 'close' }).end(body),
    )
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  return server
}
