import { mkdtemp, rm } from 'node:fs/promises'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { startBroker } from '../../broker/broker.ts'
import { partitionFor } from '../../protocol/murmur2.ts'
import { encodeRecordBatch, RecordReader } from '../../protocol/record-batch.ts'
import { systemClock } from '../../runtime/clock.ts'
import { EventTraces, type Span } from '../../runtime/event-traces.ts'
import { openKafkaLog } from '../../runtime/kafka-log.ts'
import { openTraceExport } from '../../runtime/trace-export.ts'
import { startMillrace } from '../cli/millrace.ts'
import { assert, suite } from '../harness.ts'

interface OtlpSpan {
  readonly name: string
  readonly traceId: string
  readonly spanId: string
  readonly parentSpanId?: string
  readonly startTimeUnixNano: string
  readonly endTimeUnixNano: string
  readonly attributes: { key: string; value: { intValue?: number; stringValue?: string } }[]
}

const test = suite('traces', { timeoutMs: 60_000 })
const place = { job: 'email', input: 'events', partition: 3 }
const parent = 'aaaaaaaaaaaaaaaa'
const traceId = '0af7651916cd43dd8448eb211c80319c'
const sampled = `00-${traceId}-${parent}-01`
const unsampled = '00-1af7651916cd43dd8448eb211c80319c-bbbbbbbbbbbbbbbb-00'

test('an event with a sampled traceparent is followed from its record to its row, and no other', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'millrace-traces-'))
  const broker = await startBroker({ folder: join(folder, 'broker') })
  const collector = await startCollector()
  const log = openKafkaLog({ brokers: broker.address, clientId: 'traces', clock: systemClock })
  const job = startMillrace([
    ...['run', 'email', '--brokers', broker.address, '--create-input', '--partitions', '2'],
    ...['--data', folder, '--port', '0', '--trace-otlp', collector.url, '--trace-every', '0'],
  ])
  try {
    const url = /http:\S+\/metrics/.exec(await job.printed(/http:\S+\/metrics/))?.[0] ?? ''
    await until(async () => (await fetch(url.replace('metrics', 'ready'))).ok)
    const producer = log.producer()
    for (const [userId, traceparent] of [
      ['secret-user-1', sampled],
      ['secret-user-2', unsampled],
      ['secret-user-3', undefined],
    ] as const)
      await producer.send([append(userId, traceparent)])
    await producer.close()
    await until(async () => collector.spans.length > 0)
    job.child.kill('SIGTERM')
    const { code, stderr } = await job.ended
    assert.is(code, 0, stderr)

    const named = new Map(collector.spans.map(span => [span.name.replace('millrace ', ''), span]))
    assert.equal([...named.keys()].sort(), [
      ...['commit', 'end', 'event', 'freeze', 'offsets', 'send', 'take'],
    ])
    assert.is(collector.spans.length, 7, 'one event, and no span twice')
    assert.ok(collector.spans.every(span => span.traceId === traceId))
    const [event, take, commit] = ['event', 'take', 'commit'].map(name => named.get(name))
    assert.is(event?.parentSpanId, parent)
    assert.is(take?.parentSpanId, event?.spanId)
    assert.is(commit?.parentSpanId, event?.spanId)
    for (const step of ['freeze', 'send', 'offsets', 'end'])
      assert.is(named.get(step)?.parentSpanId, commit?.spanId, step)
    assert.is(attribute(take, 'messaging.destination.name'), 'events')
    assert.is(attribute(take, 'messaging.kafka.offset'), 0)
    assert.is(attribute(commit, 'millrace.rows') !== undefined, true)

    const order = ['freeze', 'send', 'offsets', 'end'].map(name => named.get(name))
    for (const [at, span] of order.entries()) {
      assert.ok(time(span?.endTimeUnixNano) >= time(span?.startTimeUnixNano))
      if (at > 0) assert.is(span?.startTimeUnixNano, order[at - 1]?.endTimeUnixNano)
    }
    assert.is(event?.endTimeUnixNano, named.get('end')?.endTimeUnixNano)
    assert.not.match(collector.bodies.join(''), /secret-user/)
    assert.match(collector.bodies.join(''), '"millrace-email"')
  } finally {
    job.child.kill('SIGKILL')
    await job.ended
    await log.close()
    await broker.close()
    await collector.close()
    await rm(folder, { recursive: true, force: true })
  }
})

test('one event in so many is followed, by its offset, with the same ids when it is taken again', () => {
  const first = follow(Array(10).fill(undefined), 4)
  assert.equal(
    first.filter(({ name }) => name === 'event').map(span => offsetOf(span)),
    [0, 4, 8],
  )
  const ids = first.map(({ traceId: trace, spanId }) => `${trace}/${spanId}`)
  assert.is(new Set(ids).size, first.length)
  for (const each of ids) assert.match(each, /^[0-9a-f]{32}\/[0-9a-f]{16}$/)
  const again = follow(Array(10).fill(undefined), 4)
  assert.equal(
    again.map(({ traceId: trace, spanId }) => `${trace}/${spanId}`),
    ids,
  )
})

test('a traceparent decides before the sampling does, and a wrong one counts as none', () => {
  const wrong = [
    ...['', 'rubbish', `ff-${traceId}-${parent}-01`, `00-${'0'.repeat(32)}-${parent}-01`],
    ...[`00-${traceId}-${'0'.repeat(16)}-01`, `00-${traceId}-${parent}`, sampled.toUpperCase()],
  ]
  assert.equal(follow(wrong, 0), [])
  assert.equal(follow([unsampled], 1), [])
  const events = follow([sampled, `01-${traceId}-${parent}-03-more`], 0).filter(
    ({ name }) => name === 'event',
  )
  assert.equal(
    events.map(span => [span.traceId, span.parentId]),
    [
      [traceId, parent],
      [traceId, parent],
    ],
  )
})

test('no more than twenty events of one commit are followed, and none of a commit that fails', () => {
  assert.is(follow(Array(500).fill(sampled), 0).length, 20 * 7)
  assert.equal(follow([sampled], 0, { fails: true }), [])
})

test('a collector that is away keeps neither the spans nor the process', async () => {
  const away = await openTraceExport({ service: 'test', url: 'http://127.0.0.1:9/v1/traces' })
  const span = follow([sampled], 0)[0] as Span
  for (let n = 0; n < 5_000; n++) away.send([span])
  const startedAt = systemClock.elapsed()
  await away.close().catch(() => undefined) // it says that it could not send
  assert.ok(systemClock.elapsed() - startedAt < 5_000)
})

test.run()

/** Takes one record for each header given, in one commit, and answers its spans. */
function follow(headers: (string | undefined)[], every: number, { fails = false } = {}): Span[] {
  const spans: Span[] = []
  const traces = new EventTraces({ every, post: told => spans.push(...told) }, place, systemClock)
  const batch = encodeRecordBatch(
    headers.map(value => ({
      ...{ key: 'u', value: '{}', timestamp: 1_795_312_800_000 },
      headers: value === undefined ? [] : ([['traceparent', value]] as const),
    })),
    { now: 1_795_312_800_000 },
  )
  const reader = new RecordReader(batch)
  while (reader.next()) traces.start(reader)?.()
  const commit = traces.freeze()
  for (const step of ['freeze', 'send', 'offsets', 'end'] as const) commit?.step(step)
  if (!fails) commit?.ended(7, 1)
  assert.is(traces.freeze(), undefined)
  return spans
}

const offsetOf = ({ attributes }: Span) => attributes['messaging.kafka.offset']
const time = (nanoseconds: string | undefined) => BigInt(nanoseconds ?? 0)

function attribute(span: OtlpSpan | undefined, name: string): number | string | undefined {
  const value = span?.attributes.find(({ key }) => key === name)?.value
  return value?.intValue ?? value?.stringValue
}

function append(userId: string, traceparent: string | undefined) {
  const timestamp = new Date(systemClock.now()).toISOString()
  const event = { type: 'track', event: 'Product Viewed', userId, messageId: userId, timestamp }
  const headers = traceparent === undefined ? [] : ([['traceparent', traceparent]] as const)
  const records = [{ key: userId, value: JSON.stringify(event), headers }]
  return { topic: 'events', partition: partitionFor(Buffer.from(userId), 2), records }
}

/** A collector that remembers what it was sent. */
async function startCollector() {
  const spans: OtlpSpan[] = []
  const bodies: string[] = []
  const server: Server = createServer((request, response) => {
    let body = ''
    request.setEncoding('utf8').on('data', chunk => {
      body += chunk
    })
    request.on('end', () => {
      bodies.push(body)
      const { resourceSpans } = JSON.parse(body) as {
        resourceSpans: { scopeSpans: { spans: OtlpSpan[] }[] }[]
      }
      for (const { scopeSpans } of resourceSpans)
        for (const scope of scopeSpans) spans.push(...scope.spans)
      response.setHeader('content-type', 'application/json').end('{}')
    })
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  return {
    url: `http://127.0.0.1:${port}`,
    spans,
    bodies,
    close: () => new Promise(resolve => server.close(resolve)),
  }
}

async function until(holds: () => Promise<boolean>): Promise<void> {
  for (let tries = 0; !(await holds()); tries++) {
    if (tries > 250) throw new Error('it has not come about in 25 s')
    await systemClock.sleep(100)
  }
}
