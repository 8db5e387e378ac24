import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { startBroker } from '../../broker/broker.ts'
import { topicRecords } from '../../cli/topic-records.ts'
import { DirectSink } from '../../collect/direct-sink.ts'
import { EVENT_BYTES_MAX } from '../../collect/event-intake.ts'
import { unpackFailed } from '../../collect/failed-event.ts'
import { BATCH_BYTES_MAX } from '../../collect/segment-routes.ts'
import { startCollect } from '../../collect/server.ts'
import { collectTopics } from '../../collect/topics.ts'
import { unprotected } from '../../http/protection.ts'
import { partitionFor } from '../../protocol/murmur2.ts'
import { systemClock as clock } from '../../runtime/clock.ts'
import { decodeEvent } from '../../runtime/decode.ts'
import { openKafkaLog } from '../../runtime/kafka-log.ts'
import { noTelemetry } from '../../runtime/telemetry.ts'
import { assert, suite } from '../harness.ts'

const test = suite('from a request to the topic')

test('what was answered 200 lies on the topic, by the user, and the rest on the rejected one', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'millrace-collect-'))
  const broker = await startBroker({ folder })
  const log = openKafkaLog({ brokers: broker.address, clientId: 'collect', clock })
  await log.topics.create(collectTopics(4, 1))
  const collect = await startCollect({
    ...{
      host: '127.0.0.1',
      port: 0,
      clock,
      telemetry: noTelemetry,
      logger: { error: assert.unreachable },
    },
    ...{ eventBytesMax: EVENT_BYTES_MAX, batchBytesMax: BATCH_BYTES_MAX, keepIp: true },
    ...{ sink: new DirectSink(log), protection: unprotected },
    tokens: { sign: () => '', open: () => ({ fault: 'unknown_key' }) },
    ready: () => ({ ready: true, reasons: [] }),
    health: () => ({ alive: true }),
  })
  try {
    const send = (path: string, body: unknown) =>
      fetch(`${collect.url}${path}`, {
        method: 'POST',
        body: JSON.stringify(body),
        headers: { authorization: `Basic ${btoa('dev:')}` },
      })
    const users = ['u-1', 'u-2', 'u-3', 'u-4', 'u-5', 'ü-6']
    const single = await send('/v1/track', { event: 'Seen', userId: 'u-1', messageId: 'm-1' })
    assert.is(single.status, 200)
    const batch = users.slice(1).map(userId => ({ type: 'identify', userId, messageId: userId }))
    assert.is((await send('/v1/batch', { batch: [...batch, { type: 'page' }] })).status, 200)

    const found: string[] = []
    for await (const { partition, timestamp, key, value } of topicRecords(log, 'events')) {
      const event = decodeEvent(value, timestamp)
      assert.is(event.userId, key)
      assert.is(partition, partitionFor(Buffer.from(event.userId), 4))
      found.push(event.userId)
    }
    assert.equal(found.sort(), [...users].sort())
    const failed: string[] = []
    for await (const { value } of topicRecords(log, 'events.rejected'))
      failed.push(unpackFailed(value ?? Buffer.alloc(0)).code)
    assert.equal(failed, ['no_user'])
  } finally {
    await collect.stop()
    await log.close()
    await broker.close()
    await rm(folder, { recursive: true })
  }
})

test.run()
