import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Broker, startBroker } from '../../broker/broker.ts'
import { fedBefore } from '../../cli/fed-before.ts'
import { topicRecords } from '../../cli/topic-records.ts'
import { unpackFailed } from '../../collect/failed-event.ts'
import { systemClock as clock } from '../../runtime/clock.ts'
import { decodeEvent } from '../../runtime/decode.ts'
import { openKafkaLog } from '../../runtime/kafka-log.ts'
import { assert, suite } from '../harness.ts'
import { millrace, startMillrace } from './millrace.ts'

const test = suite('millrace collect', { timeoutMs: 60_000 })
let folder = ''
let broker: Broker

test.before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'millrace-collect-'))
  broker = await startBroker({ folder: join(folder, 'broker') })
})
test.after(async () => {
  await broker.close()
  await rm(folder, { recursive: true, force: true })
})

test('takes events until it is told to end, and has on the topic whatever it answered 200', async () => {
  const plan = join(folder, 'plan')
  await mkdir(plan)
  await writeFile(join(plan, 'plan.json'), '{"mode":"enforce"}')
  const schema = { type: 'object', required: ['price'], properties: { price: { type: 'number' } } }
  await writeFile(join(plan, 'Priced@1.json'), JSON.stringify(schema))
  const args = [
    ...['collect', '--port', '0', '--create-topics', '--partitions', '2', '--plan', plan],
    ...['--data', folder, '--leave-out-ip', '--brokers', broker.address],
  ]
  const { child, ended, printed } = startMillrace(args, { MILLRACE_EVENT_BYTES: '2000' })
  try {
    const [url = ''] = /http:\S+(?=\/v1\/track\n)/.exec(await printed(/\/v1\/track\n/)) ?? []
    const send = async (event: object) => {
      const headers = { authorization: `Basic ${btoa('dev:')}` }
      const body = JSON.stringify({ userId: 'u', ...event })
      return (await fetch(`${url}/v1/track`, { method: 'POST', body, headers })).status
    }
    for (const properties of [
      { price: 'free' },
      { price: 5 },
      { price: 5, text: 'x'.repeat(2_000) },
    ])
      assert.is(await send({ event: 'Priced', messageId: 'planned', properties }), 200)
    assert.is((await fetch(`${url}/ready`)).status, 200)
    const figures = await (await fetch(`${url}/metrics`)).text()
    assert.match(figures, /millrace_collect_events_total\{[^}]*source="dev"[^}]*\} 1\b/)
    assert.match(figures, /rejected_events_total\{[^}]*reason="plan_failed"[^}]*\} 1\b/)

    const ids = Array.from({ length: 300 }, (_, at) => `m-${at}`)
    let answered = 0
    const sending = ids.map(async messageId => {
      const status = await send({ event: 'Seen', messageId }).catch(() => 'no answer')
      if (++answered === 20) child.kill('SIGTERM')
      return status === 200 ? [messageId] : []
    })
    const safe = (await Promise.all(sending)).flat()
    const { code, stderr } = await ended
    assert.is(code, 0, stderr)
    assert.ok(safe.length > 0)
    assert.not.match(stderr, /"level":"error"/)
    if (stderr.includes('spool')) await drained(args, safe)
    assert.equal([await missing(safe), await reasons()], [[], ['plan_failed', 'too_large']])
  } finally {
    child.kill('SIGKILL')
  }
})

test('a file is told from what came in over HTTP, so that it can be fed on where it was', async () => {
  const log = openKafkaLog({ brokers: broker.address, clientId: 'file', clock })
  const { signal } = new AbortController()
  try {
    assert.equal(await fedBefore(log, 'events', signal), [0, 0])
    const lines = ['{"userId":"a"}', '{"userId":"b"}'].map(value => ({ key: null, value }))
    await log.producer().send([{ topic: 'events', partition: 1, records: lines }])
    assert.equal(await fedBefore(log, 'events', signal), [0, 2])
  } finally {
    await log.close()
  }
})

test('refuses a topic that does not exist, and a plan that cannot be read, in one line', async () => {
  const args = ['collect', '--port', '0', '--data', folder, '--brokers', broker.address]
  const missing = await millrace([...args, '--topic', 'clicks'])
  assert.is(missing.code, 1)
  assert.match(missing.stderr, /^millrace: topic clicks does not exist: .*--create-topics$/m)
  const planless = await millrace([...args, '--plan', join(folder, 'none')])
  assert.match(planless.stderr, /^millrace: .*none cannot be read as a folder[^\n]*\n$/)
})

test.run()

/** On a machine that is slow enough some are on the disk: another process brings them to the topic. */
async function drained(args: readonly string[], ids: readonly string[]): Promise<void> {
  const { child, ended, printed } = startMillrace(args)
  await printed(/\/v1\/track\n/)
  for (let tries = 0; tries < 100 && (await missing(ids)).length > 0; tries++)
    await clock.sleep(200)
  child.kill('SIGTERM')
  await ended
}

/** Those of the ids that are not on the topic. */
async function missing(ids: readonly string[]): Promise<string[]> {
  const found = new Set<string>()
  for await (const { value, timestamp } of records('events')) {
    const { messageId, context } = decodeEvent(value, timestamp)
    assert.is(context.ip, undefined)
    found.add(messageId)
  }
  return ids.filter(id => !found.has(id))
}

async function reasons(): Promise<string[]> {
  const found: string[] = []
  for await (const { value } of records('events.rejected'))
    if (value !== null) found.push(unpackFailed(value).code)
  return found.sort()
}

async function* records(topic: string) {
  const log = openKafkaLog({ brokers: broker.address, clientId: 'reader', clock })
  try {
    yield* topicRecords(log, topic)
  } finally {
    await log.close()
  }
}
