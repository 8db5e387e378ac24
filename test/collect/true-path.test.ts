import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { startBroker } from '../../broker/broker.ts'
import { topicRecords } from '../../cli/topic-records.ts'
import { EVENT_BYTES_MAX } from '../../collect/event-intake.ts'
import { unpackFailed } from '../../collect/failed-event.ts'
import { openSink } from '../../collect/producing-sink.ts'
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
import { keepingLogger } from './sink-world.ts'

const test = suite('from a request to the topic')

test('what was answered 200 lies on the topic, by the user, and the rest on the rejected one', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'millrace-collect-'))
  const broker = await startBroker({ folder: join(folder, 'broker') })
  const log = openKafkaLog({ brokers: broker.address, clientId: 'collect', clock })
  const topics = collectTopics('events', { partitions: 4, replication: 1 })
  const whole = { ...{ log, topics, clock, telemetry: noTelemetry, logger: keepingLogger() } }
  const spooling = { ...whole, folder: join(folder, 'collect'), spoolBytesMax: 1_000_000 }
  const sink = await openSink(spooling)
  const collect = await startCollect({
    ...{ ...whole, sink, host: '127.0.0.1', port: 0, topic: 'events', protection: unprotected },
    ...{ eventBytesMax: EVENT_BYTES_MAX, batchBytesMax: BATCH_BYTES_MAX, keepIp: true },
    tokens: { sign: () => '', open: () => ({ fault: 'unknown_key' }) },
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
    const next = await openSink(spooling) // it could not, were the folder not given back
    await next.close()
    await log.close()
    await broker.close()
    await rm(folder, { recursive: true })
  }
})

test.run()
