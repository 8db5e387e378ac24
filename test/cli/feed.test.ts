import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { ErasedList, nowhere } from '../../cli/erased-list.ts'
import { feed, leftOut, resuming } from '../../cli/feed.ts'
import { watchTelemetry } from '../../cli/live-figures.ts'
import { forget, rememberFeed, startFolder } from '../../cli/start-folder.ts'
import { systemClock } from '../../runtime/clock.ts'
import { erasedHash } from '../../runtime/erased.ts'
import { type Append, type Log, nextOffset, offset, type Producer } from '../../runtime/log.ts'
import { noTelemetry } from '../../runtime/telemetry.ts'
import { assert, rejects, suite } from '../harness.ts'

const test = suite('what npm start feeds and shows')
let folder = ''

test.before.each(async () => {
  folder = await mkdtemp(join(tmpdir(), 'millrace-feed-'))
})
test.after.each(() => rm(folder, { recursive: true, force: true }))

test('a producer that resumes leaves out what each partition has already', async () => {
  const { producer, sent } = topic(2)
  const values = (partition: number, ...texts: string[]): Append => ({
    topic: 't',
    partition,
    records: texts.map(value => ({ key: null, value })),
  })
  const resumed = resuming(producer, [3, 0])
  await resumed.send([values(0, 'a', 'b'), values(1, 'c')])
  await resumed.send([values(0, 'd')])
  await resumed.send([values(0, 'e', 'f'), values(1, 'g')])
  assert.equal(sent, [
    ['e', 'f'],
    ['c', 'g'],
  ])
})

test('a file that was fed in part, a partition further than another, is fed to its end without repeats', async () => {
  const file = join(folder, 'events.jsonl')
  const lines = Array.from({ length: 100 }, (_, at) =>
    JSON.stringify({ userId: `user-${at % 7}`, messageId: String(at) }),
  )
  await writeFile(file, `${lines.join('\n')}\n`)
  const whole = topic(2)
  await feed(options(whole.log, file))
  const part = topic(2)
  part.sent[0]?.push(...(whole.sent[0]?.slice(0, 5) ?? []))
  part.sent[1]?.push(...(whole.sent[1]?.slice(0, 31) ?? []))
  await feed(options(part.log, file))
  assert.equal(part.sent, whole.sent)
  assert.is(part.sent.flat().length, 100)
})

test("an erased user's events of before are left out of a file, and a start in between repeats and loses nothing", async () => {
  const file = join(folder, 'events.jsonl')
  const lines = Array.from({ length: 60 }, (_, at) =>
    JSON.stringify({
      userId: `user-${at % 5}`,
      messageId: String(at),
      timestamp: at < 50 ? '2026-01-01T00:00:00Z' : '2026-03-01T00:00:00Z',
    }),
  )
  await writeFile(file, `${lines.join('\n')}\n`)
  const whole = topic(2)
  await feed(options(whole.log, file))
  const erased = new ErasedList()
  erased.add(erasedHash('user-3'), { ...nowhere, appendedAt: Date.parse('2026-02-01') })
  const part = topic(2)
  part.sent[0]?.push(...(whole.sent[0]?.slice(0, 9) ?? []))
  part.sent[1]?.push(...(whole.sent[1]?.slice(0, 11) ?? []))
  const before = part.sent.map(({ length }) => length)
  await feed(options(part.log, file, erased))
  const expected = whole.sent.map((values, partition) =>
    values.map((value, at) => {
      const { userId, messageId } = JSON.parse(value)
      const isNew = at >= (before[partition] ?? 0)
      return isNew && userId === 'user-3' && Number(messageId) < 50 ? leftOut.value : value
    }),
  )
  assert.equal(part.sent, expected)
  assert.ok(part.sent.flat().includes(String(leftOut.value)))
})

test('a shop goes on with new message ids, also after an answer that was lost, and tells a user who has events', async () => {
  const shop = topic(2)
  const door = await openDoor(batch => {
    for (const event of batch) shop.sent[0]?.push(JSON.stringify(event))
  })
  const users: string[] = []
  try {
    for (let start = 0; start < 2; start++) {
      await feed({
        ...options(shop.log, undefined),
        door: { url: door.url, writeKey: 'dev' },
        signal: AbortSignal.timeout(700),
        onUser: user => users.push(user),
      })
    }
  } finally {
    await door.close()
  }
  const ids = shop.sent.flat().map(value => JSON.parse(value).messageId)
  const again = ids.length - new Set(ids).size
  assert.ok(ids.length > 100 && again / ids.length < 0.1, `${again} of ${ids.length} came twice`)
  assert.is(users.length, 2)
  assert.ok(shop.sent.flat().some(value => JSON.parse(value).userId === users[0]))
})

test('a folder is fed from one thing until it is forgotten', async () => {
  const parts = startFolder(folder, '1', 'email')
  await rememberFeed(parts, undefined)
  await rememberFeed(parts, undefined)
  const refusal = await rejects(() => rememberFeed(parts, 'orders.jsonl'), 'other_feed')
  assert.match(refusal.message, /made-up shop.*orders\.jsonl: add --fresh/)
  await forget(parts)
  await rememberFeed(parts, 'orders.jsonl')
})

test('the live figures are those of the telemetry, over the last ten seconds', () => {
  let nowMs = 0
  const clock = { ...systemClock, elapsed: () => nowMs }
  const { telemetry, figures } = watchTelemetry(noTelemetry, clock)
  assert.equal(figures(), {
    eventsPerSecond: undefined,
    users: undefined,
    lagRecords: undefined,
    latencyMs: undefined,
  })
  const stop = telemetry.gauge('millrace_lag_records', () =>
    [0, 1].map(partition => ({ value: 4, attributes: { partition } })),
  )
  for (const [topic, value] of [
    ['email.features', 12],
    ['products', 500],
  ] as const)
    telemetry.gauge('millrace_view_rows', () => [{ value, attributes: { topic } }])
  telemetry.add('millrace_rows_out', 1_000, { partition: 0 })
  for (let second = 1; second <= 20; second++) {
    nowMs = second * 1_000
    telemetry.add('millrace_events_in', second <= 15 ? 600 : 300, { partition: 0 })
    for (let ms = 1; ms <= 100; ms++)
      telemetry.record('millrace_feature_latency_ms', ms * (second <= 5 ? 5 : 1))
  }
  // From before this process began: it says nothing of how fast it is.
  telemetry.record('millrace_feature_latency_ms', 3_600_000)
  nowMs = 20_500
  const { eventsPerSecond = 0, ...rest } = figures()
  assert.ok(eventsPerSecond >= 400 && eventsPerSecond <= 500, String(eventsPerSecond))
  assert.equal(rest, { users: 12, lagRecords: 8, latencyMs: { p50: 51, p99: 100 } })
  stop()
  assert.is(figures().lagRecords, undefined)
})

test.run()

/** A topic that grows by what is produced; only what `feed` asks of a log. */
function topic(partitions: number): {
  log: Pick<Log, 'topics' | 'producer'>
  producer: Producer
  sent: string[][]
} {
  const sent = Array.from({ length: partitions }, (): string[] => [])
  const producer: Producer = {
    async send(appends: readonly Append[]) {
      return appends.map(({ partition, records }) => {
        const at = offset(sent[partition]?.length ?? 0)
        sent[partition]?.push(...records.map(({ value }) => String(value)))
        return at
      })
    },
    close: async () => undefined,
  }
  const topics = {
    create: async () => undefined,
    describe: async () => undefined,
    describeAll: async () => [],
    names: async () => [],
    counts: async () => new Map(),
    ranges: async () =>
      sent.map(({ length }) => ({ start: nextOffset(0), end: nextOffset(length) })),
  }
  return { log: { topics, producer: () => producer }, producer, sent }
}

/** A server that takes events, and drops the connection of the second request before it answers. */
async function openDoor(take: (events: unknown[]) => void) {
  let requests = 0
  const server = createServer(async (request, response) => {
    const { events } = JSON.parse(await text(request))
    if (++requests === 2) return void response.destroy()
    take(events)
    response.end(JSON.stringify({ accepted: events.length }))
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  const close = async () => {
    server.closeAllConnections()
    await new Promise(resolve => server.close(resolve))
  }
  return { url: `http://127.0.0.1:${port}`, close }
}

function options(
  log: Pick<Log, 'topics' | 'producer'>,
  file: string | undefined,
  erased = new ErasedList(),
) {
  return {
    erased: async () => erased,
    ...{
      log,
      topic: 'events',
      file,
      fedBefore: async () => (await log.topics.ranges('events')).map(({ end }) => Number(end)),
      door: { url: 'http://127.0.0.1:1', writeKey: 'dev' },
      eventsPerSecond: 2_000,
      clock: systemClock,
      logger: { warn: () => undefined },
    },
    ...{ signal: AbortSignal.timeout(10_000), onUser: () => undefined },
  }
}
