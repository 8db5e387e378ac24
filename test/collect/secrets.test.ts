import { gzipSync } from 'node:zlib'
import { createLogger } from '../../cli/logger.ts'
import { EVENT_BYTES_MAX } from '../../collect/event-intake.ts'
import { BATCH_BYTES_MAX } from '../../collect/segment-routes.ts'
import { type Collect, startCollect } from '../../collect/server.ts'
import type { SinkRecord } from '../../collect/sink.ts'
import { eventsTopic } from '../../collect/topics.ts'
import { hashOf, keysOf, newSecret } from '../../http/keys.ts'
import { newSigningSecrets, signingKeysOf } from '../../http/signing-file.ts'
import { createTokens } from '../../http/tokens.ts'
import { systemClock } from '../../runtime/clock.ts'
import { openTelemetry, type Telemetry } from '../../runtime/telemetry.ts'
import { assert, suite } from '../harness.ts'

const test = suite('secrets', { timeoutMs: 120_000 })

const right = newSecret('write')
const reading = newSecret('read')
const wrong = newSecret('write')
const secrets = [right, reading, wrong, Buffer.from(right).toString('base64').slice(0, 50)]
const records: SinkRecord[] = []
let logged = ''
let broken = false
let telemetry: Telemetry
let collect: Collect

test.before(async () => {
  const now = () => systemClock.now()
  const signing = newSigningSecrets(now())
  telemetry = await openTelemetry({ service: 'secrets' })
  const write = (text: string) => {
    logged += text
  }
  collect = await startCollect({
    ...{
      host: '127.0.0.1',
      port: 0,
      topic: eventsTopic,
      clock: systemClock,
      telemetry,
      keepIp: true,
    },
    logger: createLogger({ level: 'trace', human: false, write }),
    sink: {
      put: async put => {
        if (broken) throw new Error('the sink is broken')
        records.push(...put)
      },
      close: async () => undefined,
    },
    protection: {
      keys: keysOf([
        { key: { name: 'shop', action: 'write', perSecond: 1_000 }, hashes: [hashOf(right)] },
        { key: { name: 'reader', action: 'read' }, hashes: [hashOf(reading)] },
      ]),
      ...{ keyed: true, perAddress: 0 },
    },
    tokens: createTokens(signingKeysOf(() => signing, now)),
    ...{ eventBytesMax: EVENT_BYTES_MAX, batchBytesMax: BATCH_BYTES_MAX },
  })
})
test.after(async () => {
  await collect.stop()
  await telemetry.close()
})

test('a secret in any place is in no log, no metric, no answer and no record, whatever becomes of the request', async () => {
  const answers: string[] = []
  const taken = { type: 'track', event: 'x', userId: 'u' }
  for (const refused of [false, true]) {
    broken = refused
    for (const secret of [right, reading, wrong]) {
      for (const event of [taken, { type: 'nonsense' }, { type: 'track', event: 'x' }])
        for (const [path, options] of places(secret, event)) answers.push(await ask(path, options))
    }
  }
  assert.ok(answers.some(answer => answer.startsWith('200 ')))
  for (const status of ['401', '403', '404', '500'])
    assert.ok(
      answers.some(answer => answer.startsWith(status)),
      status,
    )
  assert.match(logged, 'the sink is broken')
  assert.ok(records.some(({ topic }) => topic === 'events.rejected'))

  const metrics = await telemetry.scrape()
  assert.match(metrics, 'source="shop"')
  const kept = records.map(
    ({ value, key }) => `${key} ${Buffer.from(value ?? []).toString('latin1')}`,
  )
  // The browser SDK asks for its settings, and is told the key that it asks with.
  const told = answers.filter(answer => !answer.includes('"apiKey"'))
  for (const secret of secrets) {
    for (const [where, text] of Object.entries({
      logged,
      metrics,
      told: told.join('\n'),
      kept: kept.join('\n'),
    }))
      assert.ok(!text.includes(secret), `${secret === wrong ? 'an unknown' : 'a'} key is ${where}`)
  }
})

test('no address of a sender is in the log or in the metrics', async () => {
  assert.not.match(logged, /127\.0\.0\.1|::1/)
  assert.not.match(await telemetry.scrape(), /127\.0\.0\.1|::1/)
})

test.run()

/** Every place in which a client may put its key, the right ones and the wrong ones. */
function places(secret: string, event: object): [string, RequestInit][] {
  const json = { 'content-type': 'application/json' }
  const body = JSON.stringify(event)
  const post = (headers: Record<string, string>, text: string | Buffer): RequestInit => ({
    ...{ method: 'POST', headers: { ...json, ...headers }, body: text },
  })
  const basic = (pair: string) => `Basic ${Buffer.from(pair).toString('base64')}`
  const inBody = JSON.stringify({ ...event, writeKey: secret })
  const inBatch = JSON.stringify({
    batch: [event, { ...event, writeKey: secret }],
    writeKey: secret,
  })
  return [
    ['/v1/track', post({ authorization: `Bearer ${secret}` }, body)],
    ['/v1/track', post({ authorization: basic(`${secret}:`) }, body)],
    ['/v1/track', post({ authorization: basic(`:${secret}`) }, body)],
    ['/v1/track', post({ authorization: secret }, body)],
    ['/v1/track', post({}, inBody)],
    ['/v1/batch', post({}, inBatch)],
    ['/v1/batch', post({ 'content-encoding': 'gzip' }, gzipSync(inBatch))],
    [`/v1/track?writeKey=${secret}`, post({}, body)],
    [`/v1/track?writeKey=${secret}&writeKey=x`, post({}, body)],
    ['/v1/track', post({ authorization: `Bearer ${secret}` }, '{')],
    [`/v1/events?writeKey=${secret}`, post({}, body)],
    [`/v1/profiles?writeKey=${secret}`, post({}, body)],
    [`/v1/projects/${secret}/settings`, {}],
    [`/v1/forms/news?writeKey=${secret}`, post({}, `email=a%40b.example`)],
    [`/v1/nowhere?writeKey=${secret}`, {}],
    [`/metrics?writeKey=${secret}`, { headers: { authorization: `Bearer ${secret}` } }],
  ]
}

async function ask(path: string, options: RequestInit): Promise<string> {
  const answer = await fetch(collect.url + path, { redirect: 'manual', ...options })
  const headers = JSON.stringify([...answer.headers])
  return `${answer.status} ${headers} ${await answer.text()}`
}
