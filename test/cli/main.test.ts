import { assert, suite } from '../harness.ts'
import { millrace, startMillrace } from './millrace.ts'

const test = suite('command line')
const oneLine = /^millrace: [^\n]+\n$/

test('--help prints what there is on standard output, and ends with exit code 0', async () => {
  const { code, stdout, stderr } = await millrace(['--help'])
  assert.is(code, 0)
  assert.is(stderr, '')
  assert.match(stdout, 'Usage: millrace')
})

test('a wrong command line is one line on standard error, and exit code 2', async () => {
  const { code, stdout, stderr } = await millrace(['features', 'x', '--prot', '1'])
  assert.is(code, 2)
  assert.is(stdout, '')
  assert.match(stderr, oneLine)
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

test('a log level that does not exist is one line', async () => {
  const { code, stderr } = await millrace(['features', 'x'], { MILLRACE_LOG: 'loud' })
  assert.is(code, 1)
  assert.match(stderr, oneLine)
})

test.run()
