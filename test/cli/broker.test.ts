import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { assert, suite } from '../harness.ts'
import { millrace, startMillrace } from './millrace.ts'

const test = suite('processes of millrace')
const oneLine = /^millrace: [^\n]+\n$/
let data = ''

test.before.each(async () => {
  data = await mkdtemp(join(tmpdir(), 'millrace-cli-'))
})
test.after.each(() => rm(data, { recursive: true, force: true }))

test('the broker says where it is, answers its probes, and a second one is refused with the remedy', async () => {
  const first = startMillrace(['broker', '--port', '0', '--http-port', '0', '--data', data])
  const printed = await first.printed(/\/metrics/)
  const address = /BROKERS=127\.0\.0\.1:(\d+)/.exec(printed)
  const [url = ''] = /http:\S+(?=\/metrics)/.exec(printed) ?? []
  assert.is((await fetch(`${url}/ready`)).status, 200)
  assert.match(await (await fetch(`${url}/metrics`)).text(), 'millrace_broker_connections 0')

  const sameFolder = await millrace(['broker', '--port', '0', '--http-port', '0', '--data', data])
  assert.is(sameFolder.code, 1)
  assert.match(sameFolder.stderr.split('\n').at(-2) ?? '', /^millrace: .*(lock|use)/)
  const samePort = await millrace([
    'broker',
    '--port',
    address?.[1] ?? '',
    '--data',
    data,
    '--instance',
    '2',
  ])
  assert.is(samePort.code, 1)
  assert.match(samePort.stderr.split('\n').at(-2) ?? '', /^millrace: port \d+ .* is in use/)

  const unknown = await millrace(['replay', 'package.json'], {
    BROKERS: `127.0.0.1:${address?.[1]}`,
  })
  assert.is(unknown.code, 1)
  assert.match(unknown.stderr, oneLine)
  assert.match(unknown.stderr, /topic "events" does not exist.*millrace run/)

  first.child.kill('SIGINT')
  assert.is((await first.ended).code, 0)
})

test.run()
