import { createServer } from 'node:net'
import { explain } from '../../cli/explain.ts'
import { createLogger, humanLine } from '../../cli/logger.ts'
import { UserError } from '../../cli/user-error.ts'
import { LogError } from '../../runtime/log.ts'
import { assert, rejects, suite } from '../harness.ts'

const test = suite('errors and log lines for people')

test('a fault that is foreseen is its message on one line', () => {
  const error = new UserError(
    'x',
    'the input starts at 7,\n  and 5 was expected',
    new Error('inner'),
  )
  assert.equal(explain(error), { line: 'the input starts at 7, and 5 was expected', known: true })
  assert.is(explain(new LogError('refused', 'no')).known, true)
})

test('a port in use names the address and the remedy', async () => {
  const first = createServer()
  await new Promise<void>(resolve => first.listen(0, '127.0.0.1', resolve))
  const address = first.address()
  const port = typeof address === 'object' && address !== null ? address.port : 0
  const error = await rejects(
    () =>
      new Promise((_, reject) => {
        createServer().on('error', reject).listen(port, '127.0.0.1')
      }),
  )
  first.close()
  const { line, known } = explain(error)
  assert.is(known, true)
  assert.match(line, `127.0.0.1:${port} is in use`)
  assert.match(line, '--port')
})

test('what nobody foresaw says how to see its stack', () => {
  const { line, known } = explain(new TypeError('x is not a function'))
  assert.is(known, false)
  assert.match(line, /TypeError: x is not a function.*MILLRACE_LOG=debug/)
})

test('the log is JSON for machines and a short line for people', () => {
  const written: string[] = []
  const write = (text: string) => void written.push(text)
  createLogger({ level: 'info', human: false, write }).info({ partition: 3 }, 'taken over')
  createLogger({ level: 'info', human: true, write }).warn(
    { partition: 3, reason: 'two words' },
    'taken over',
  )
  createLogger({ level: 'info', human: true, write }).debug('nothing')
  const { level, msg, partition } = JSON.parse(written[0] ?? '')
  assert.equal({ level, msg, partition }, { level: 'info', msg: 'taken over', partition: 3 })
  assert.match(
    written[1] ?? '',
    /^\d\d:\d\d:\d\d warn {2}taken over {2}partition=3 {2}reason="two words"\n$/,
  )
  assert.is(written.length, 2)
})

test('the stack of a logged error stands under its line', () => {
  const line = JSON.stringify({
    level: 'error',
    time: '2026-01-02T03:04:05.006Z',
    msg: 'm',
    err: { stack: 'E: x\n  at y' },
  })
  assert.is(humanLine(line), '03:04:05 error m\n  E: x\n    at y\n')
})

test.run()
