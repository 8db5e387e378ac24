import { join } from 'node:path'
import { topicRecords } from '../../cli/topic-records.ts'
import { EVENT_BYTES_MAX } from '../../collect/event-intake.ts'
import { unpackFailed } from '../../collect/failed-event.ts'
import { openSink } from '../../collect/producing-sink.ts'
import { BATCH_BYTES_MAX } from '../../collect/segment-routes.ts'
import { type Collect, startCollect } from '../../collect/server.ts'
import { collectTopics } from '../../collect/topics.ts'
import { hashOf, keysOf } from '../../http/keys.ts'
import { systemClock as clock } from '../../runtime/clock.ts'
import { noTelemetry } from '../../runtime/telemetry.ts'
import { BrokerUnderTest } from '../broker-under-test.ts'
import { assert, suite } from '../harness.ts'
import { JobOnBroker, type JobSpec } from '../runtime/job-on-broker.ts'
import { keepingLogger } from './sink-world.ts'

const test = suite('consent, from a request to the features', { timeoutMs: 150_000 })
const broker = new BrokerUnderTest()
test.before(() => broker.start())
test.after(() => broker.stop())

const language = new URL('../../jobs/define-job.ts', import.meta.url).href
const source = (name: string) => `
import { count, defineJob } from '${language}'

export default defineJob({
  name: '${name}',
  input: '${name}-events',
  features: {
    views: count({ of: 'Product Viewed' }),
    shown: count({ of: 'Product Viewed', purpose: 'Advertising' }),
  },
})
`

/** A job with a feature for a purpose, behind a door with a source that asks for consent and one that does not. */
class ConsentWorld extends JobOnBroker {
  collect: Collect | undefined

  static async open(): Promise<ConsentWorld> {
    const spec: JobSpec = { brokers: broker.address, name: 'consent', partitions: 2, source }
    const place = await JobOnBroker.place(spec)
    const world = new ConsentWorld(spec, place.name, place.folder)
    await world.prepare(spec)
    return world
  }

  async openDoor(): Promise<void> {
    const topics = collectTopics(this.input, { partitions: 2, replication: 1 })
    const whole = { log: this.log, clock, telemetry: noTelemetry, logger: keepingLogger() }
    const folder = join(this.folder, 'collect')
    const key = (name: string, requireConsent: boolean) => ({
      key: { name, action: 'write', requireConsent } as const,
      hashes: [hashOf(name)],
    })
    this.collect = await startCollect({
      ...{ ...whole, host: '127.0.0.1', port: 0, topic: this.input, keepIp: true },
      sink: await openSink({ ...whole, topics, folder, spoolBytesMax: 1_000_000 }),
      protection: {
        keys: keysOf([key('open', false), key('strict', true)]),
        keyed: true,
        perAddress: 0,
      },
      ...{ eventBytesMax: EVENT_BYTES_MAX, batchBytesMax: BATCH_BYTES_MAX },
      tokens: { sign: () => '', open: () => ({ fault: 'unknown_key' }) },
    })
  }

  /** A user views a product; `advertising`: what he says to that, if anything. */
  async view(writeKey: string, userId: string, advertising?: boolean): Promise<void> {
    const consent = { categoryPreferences: { Advertising: advertising, Functional: true } }
    const answer = await fetch(`${this.collect?.url}/v1/track`, {
      method: 'POST',
      headers: { authorization: `Bearer ${writeKey}` },
      body: JSON.stringify({
        ...{ event: 'Product Viewed', userId },
        ...(advertising !== undefined && { context: { consent } }),
      }),
    })
    assert.is(answer.status, 200)
  }

  /** Once all that was sent is committed: features of each user's newest row. */
  async rows(): Promise<Record<string, unknown>> {
    await this.settled()
    const rows: Record<string, unknown> = {}
    for await (const { key, value } of topicRecords(this.log, `${this.name}.features`))
      rows[String(key)] = JSON.parse(String(value)).features
    return rows
  }
}

test('a feature for a purpose sees only events with consent to it, and a withdrawal empties it', async () => {
  const world = await ConsentWorld.open()
  try {
    await world.openDoor()
    await world.start()
    await world.view('open', 'ann', true)
    await world.view('open', 'ann', true)
    await world.view('open', 'ann')
    await world.view('open', 'bob', false)
    await world.view('strict', 'cid')
    await world.view('strict', 'cid', true)
    assert.equal(await world.rows(), {
      ann: { views: 3, shown: 2 },
      bob: { views: 1, shown: 0 },
      cid: { views: 1, shown: 1 },
    })
    await world.view('open', 'ann', false)
    assert.equal((await world.rows()).ann, { views: 4, shown: 0 })
    const refused: [string, string][] = []
    for await (const { value } of topicRecords(world.log, `${world.input}.rejected`)) {
      const { code, source } = unpackFailed(value ?? Buffer.of())
      refused.push([code, source])
    }
    assert.equal(refused, [['no_consent', 'strict']])
  } finally {
    await world.collect?.stop()
    await world.close()
  }
})

test.run()
