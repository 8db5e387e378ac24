import { spawn, spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { assert, skip, suite } from '../harness.ts'
import { openApiWorld } from './api-world.ts'

const test = suite('the API does what its description says', { timeoutMs: 400_000 })
const world = await openApiWorld()
const scratch = await mkdtemp(join(tmpdir(), 'millrace-schemathesis-'))
const SECONDS = 50
const VERSION = '4.32.5'
/** Keys are not asked for on one's own machine, and what a route does not know of in a query it passes over. */
const CHECKS = [
  'not_a_server_error',
  'status_code_conformance',
  'content_type_conformance',
  'response_headers_conformance',
  'response_schema_conformance',
]

test.after(async () => {
  await world.close()
  await rm(scratch, { recursive: true, force: true })
})

test('whatever fits or does not fit the description of a route, the answer is one that it describes', async () => {
  const args = ['run', `${world.url}/v1/openapi.json`, '--checks', CHECKS.join(',')]
  const bounds = ['--max-time', String(SECONDS), '-n', '25', '--request-timeout', '30']
  const more = ['--no-shrink', '--suppress-health-check', 'all', '--seed', '7']
  const { code, output } = await run(schemathesis(), [...args, ...bounds, ...more])
  assert.is(code, 0, output.slice(-6_000))
  assert.match(output, /\d+ generated/)
  assert.equal(world.failures, [])
})

test('tricks with paths, ids, headers and parameters are refused with 4xx, and in words', async () => {
  const long = 'a'.repeat(3_000)
  const wrong: string[] = []
  for (const target of [
    '/v1/users/%2e%2e/features',
    '/v1/users/..%2f..%2fetc%2fpasswd/features',
    '/v1/users/../../etc/passwd',
    '/v1/users/%ZZ/features',
    '/v1/users/%C3%28/features',
    '/v1/users/%00/features',
    `/v1/users/${long}/features`,
    `/v1/blocks/cart?user=${long}`,
    '/v1/blocks/cart?user=a&user=b',
    '/v1/users/a/features/',
    '/v1/users/a%0d%0aset-cookie:x=1/features',
    '/v1/segments/%00/users',
    '/v1/segments/loyal/users?limit=1&limit=2',
    '/v1/segments/loyal/users?limit=-1',
    '/v1/users/a/recommendations?count=1e9',
  ]) {
    const answer = await raw(
      `GET ${target} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n`,
    )
    const [head = ''] = answer.split('\r\n\r\n', 1)
    const inWords = /content-type: application\/problem\+json/i.test(head)
    if (!/^HTTP\/1.1 4\d\d /.test(head) || !inWords || /^set-cookie/im.test(head))
      wrong.push(`${target}: ${answer.slice(0, 600)}`)
  }
  assert.equal(wrong, [])
  const split = 'GET /v1/blocks/cart HTTP/1.1\r\nHost: 127.0.0.1\r\nA: b\rc: d\r\n\r\n'
  assert.match(await raw(split), /^HTTP\/1.1 400 /)
})

test.run()

/** The program, from where CI has put it or installed for this run; skips where neither is possible. */
function schemathesis(): string {
  const given = process.env.MILLRACE_TEST_SCHEMATHESIS
  if (given !== undefined && existsSync(given)) return given
  const venv = join(scratch, 'venv')
  const made = spawnSync('python3', ['-m', 'venv', venv], { encoding: 'utf8', timeout: 60_000 })
  if (made.status !== 0) skip(`no python3 with venv here: ${made.error?.message ?? made.stderr}`)
  const pip = ['install', '-q', '--disable-pip-version-check', `schemathesis==${VERSION}`]
  const options = { encoding: 'utf8', timeout: 180_000 } as const
  const { status, stderr } = spawnSync(join(venv, 'bin', 'pip'), pip, options)
  if (status !== 0) skip(`schemathesis cannot be installed from PyPI here: ${stderr.slice(-300)}`)
  return join(venv, 'bin', 'schemathesis')
}

function run(program: string, args: string[]): Promise<{ code: number | null; output: string }> {
  const child = spawn(program, args, { cwd: scratch, stdio: ['ignore', 'pipe', 'pipe'] })
  let output = ''
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('utf8').on('data', text => {
      output += text
    })
  return new Promise((resolve, reject) => {
    child.on('error', reject)
    child.on('close', code => resolve({ code, output }))
  })
}

/** Bytes as they are: a client would tidy them up. */
function raw(request: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(Number(new URL(world.url).port), '127.0.0.1', () =>
      socket.write(request),
    )
    let answer = ''
    socket.setEncoding('latin1').on('data', text => {
      answer += text
    })
    socket.on('error', reject)
    socket.on('close', () => resolve(answer))
  })
}
