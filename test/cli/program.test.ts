import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { CommanderError } from 'commander'
import { createLogger } from '../../cli/logger.ts'
import { createProgram } from '../../cli/program.ts'
import { packageVersion } from '../../cli/version.ts'
import { systemClock } from '../../runtime/clock.ts'
import { assert, rejects, suite } from '../harness.ts'

const test = suite('commands and flags')
const commands = [
  'audit',
  'backfill',
  'broker',
  'check',
  'collect',
  'dead',
  'erasures',
  'export',
  'features',
  'import',
  'judge',
  'keys',
  'link',
  'plan',
  'poll',
  'quintiles',
  'rejected',
  'render',
  'replay',
  'run',
  'serve',
  'start',
]

test('each command has a help that says what it does', async () => {
  const { out } = await parse('--help')
  const commandLines = out.slice(out.indexOf('Commands:'))
  const listed = [...commandLines.matchAll(/^ {2}(\w+)/gm)].map(([, name = '']) => name)
  assert.equal(listed.sort(), [...commands, 'help'].sort())
  for (const command of commands) {
    const help = await parse(command, '--help')
    assert.match(help.out, `Usage: millrace ${command}`)
    assert.is(help.error.exitCode, 0)
  }
})

test('--version prints the version of the package', async () => {
  assert.is((await parse('--version')).out, `${packageVersion()}\n`)
})

test('a wrong command line is one line that says what was expected', async () => {
  const wrong: [string[], RegExp][] = [
    [['featurs', 'x'], /unknown command 'featurs' \(Did you mean features\?\)/],
    [['features'], /missing required argument 'user'/],
    [['features', 'x', '--prot', '1'], /unknown option '--prot' \(Did you mean --port\?\)/],
    [['features', 'x', '--port', '65536'], /from 0 to 65535/],
    [['features', 'x', '--port', '1e3'], /from 0 to 65535/],
    [['replay', 'x', '--brokers', 'localhost'], /host:port.*"localhost" is none/],
    [['replay', 'x', '--sasl', 'md5'], /plain, scram-256, scram-512/],
    [['serve', '--instance', '../x'], /letters, digits/],
  ]
  for (const [args, expected] of wrong) {
    const { err, error } = await parse(...args)
    assert.match(err, /^millrace: [^\n]+\n$/, args.join(' '))
    assert.match(err, expected)
    assert.is(error.exitCode, 1)
  }
})

test('an environment variable stands for its flag, and is checked like it', async () => {
  const outcome = async (name: string, value: string, ...args: string[]) => {
    process.env[name] = value
    const { err } = await parse(...args)
    delete process.env[name]
    return err
  }
  assert.match(await outcome('MILLRACE_PORT', 'many', 'features', 'x'), /MILLRACE_PORT/)
  assert.match(await outcome('BROKERS', 'nowhere', 'replay', 'x'), /BROKERS/)
})

test('--sasl without a user or a secret is refused before anything is connected', async () => {
  const login = ['--sasl', 'plain', '--brokers', '127.0.0.1:1']
  const nobody = await rejects(() => run('replay', 'package.json', ...login), 'sasl_incomplete')
  assert.match(nobody.message, /--sasl-user/)
  const silent = await rejects(
    () => run('replay', 'package.json', ...login, '--sasl-user', 'me'),
    'sasl_incomplete',
  )
  assert.match(silent.message, /MILLRACE_SASL_SECRET/)
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
  const printed = await run('features', 'a/b ü', '--port', portOf(server))
  server.close()
  assert.equal(JSON.parse(printed), { key: 'a/b ü', features: { orders: 3 } })
})

test('features says what is wrong: nobody listens, no such user, no sidecar', async () => {
  const server = await listen((path, answer) => {
    if (path.includes('nobody')) answer(404, '{}')
    else if (path.includes('html')) answer(200, '<html>')
    else answer(503, '{"error":"not ready"}')
  })
  const port = portOf(server)
  await rejects(() => run('features', 'nobody', '--port', port), /no features of user "nobody"/)
  await rejects(() => run('features', 'html', '--port', port), /is it a sidecar\?/)
  await rejects(
    () => run('features', 'other', '--port', port),
    /answered 503: \{"error":"not ready"\}/,
  )
  await new Promise(resolve => server.close(resolve))
  await rejects(
    () => run('features', 'x', '--port', port),
    /nothing listens at http:.*millrace serve/,
  )
})

test.run()

/** What a command line that ends in help or in a complaint writes. */
async function parse(
  ...args: string[]
): Promise<{ out: string; err: string; error: CommanderError }> {
  let out = ''
  let err = ''
  const program = createProgram(
    context(() => undefined),
    text => {
      out += text
    },
    text => {
      err += text
    },
  )
  const error = await program
    .parseAsync(['node', 'millrace', ...args])
    .catch((reason: unknown) => reason)
  if (error instanceof CommanderError) return { out, err, error }
  throw new Error(`"${args.join(' ')}" was taken, and should not have been`, { cause: error })
}

/** What a command prints; rejects as it does. */
async function run(...args: string[]): Promise<string> {
  let printed = ''
  const nothing = () => undefined
  const print = (line: string) => {
    printed += `${line}\n`
  }
  await createProgram(context(print), nothing, nothing).parseAsync(['node', 'millrace', ...args])
  return printed
}

function context(print: (line: string) => void) {
  const logger = createLogger({ level: 'silent', human: false, write: () => undefined })
  return {
    signal: AbortSignal.timeout(20_000),
    clock: systemClock,
    logger,
    print,
    logTo: () => undefined,
  }
}

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

function portOf(server: Server): string {
  return String((server.address() as AddressInfo).port)
}
