import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Unpackr } from 'msgpackr'
import { startBroker } from '../../broker/broker.ts'
import { topicRecords } from '../../cli/topic-records.ts'
import { addressesOf } from '../../collect/address.ts'
import { EVENT_BYTES_MAX } from '../../collect/event-intake.ts'
import { openSink } from '../../collect/producing-sink.ts'
import { BATCH_BYTES_MAX } from '../../collect/segment-routes.ts'
import { startCollect } from '../../collect/server.ts'
import { collectTopics } from '../../collect/topics.ts'
import { type EmailLinks, emailLinks } from '../../http/email-links.ts'
import { unprotected } from '../../http/protection.ts'
import { newSigningSecrets, signingKeysOf } from '../../http/signing-file.ts'
import { createTokens } from '../../http/tokens.ts'
import { systemClock as clock } from '../../runtime/clock.ts'
import { openKafkaLog } from '../../runtime/kafka-log.ts'
import { noTelemetry } from '../../runtime/telemetry.ts'
import { assert } from '../harness.ts'

/** An event as it lies on the topic: all of it, not only what a job reads. */
export interface Arrived extends Readonly<Record<string, unknown>> {
  readonly type: string
  readonly event?: string
  readonly messageId: string
  readonly userId?: string
  readonly anonymousId?: string
  readonly properties: Readonly<Record<string, unknown>>
  readonly traits: Readonly<Record<string, unknown>>
  readonly context: Readonly<Record<string, unknown>>
}

/** The whole way in, on loopback: the server, its sink, the embedded broker. The write key is `dev`. */
export interface SdkWorld {
  readonly url: string
  readonly links: EmailLinks
  /** What has come to the topic since this was last asked, once it is `count`; of what `ours` leaves out nothing. */
  arrived(count: number, ours?: (event: Arrived) => boolean): Promise<Arrived[]>
  /** How many lie on the topic of events, and on that of the rejected ones. */
  counts(): Promise<readonly [events: number, rejected: number]>
  close(): Promise<void>
}

const WAIT_MS = 15_000
const unpackr = new Unpackr({ mapsAsObjects: true })

export async function openSdkWorld(): Promise<SdkWorld> {
  const folder = await mkdtemp(join(tmpdir(), 'millrace-sdks-'))
  const broker = await startBroker({ folder: join(folder, 'broker') })
  const log = openKafkaLog({ brokers: broker.address, clientId: 'sdks', clock })
  const complain = (_fields: object, message: string) => assert.unreachable(message)
  const logger = { info: () => undefined, warn: complain, error: complain }
  const common = { clock, logger, telemetry: noTelemetry }
  const topics = collectTopics('events', { partitions: 1, replication: 1 })
  const secrets = newSigningSecrets(0)
  const tokens = createTokens(signingKeysOf(() => secrets, clock.now))
  const collect = await startCollect({
    ...{ ...common, host: '127.0.0.1', port: 0, protection: unprotected, tokens },
    ...{ eventBytesMax: EVENT_BYTES_MAX, batchBytesMax: BATCH_BYTES_MAX, keepIp: true },
    sink: await openSink({
      ...{ ...common, log, topics, folder: join(folder, 'collect') },
      spoolBytesMax: 1e7,
    }),
    addresses: addressesOf(secrets.addressSecret),
    topic: 'events',
  })

  const all = async () => {
    const found: Arrived[] = []
    for await (const { value } of topicRecords(log, 'events'))
      if (value !== null) found.push(unpackr.unpack(Buffer.from(value)))
    return found
  }
  const seen = new Set<string>()
  return {
    url: collect.url,
    links: emailLinks({ tokens, baseUrl: collect.url, sentAt: clock.now() }),
    async arrived(count, ours = () => true) {
      const until = clock.elapsed() + WAIT_MS
      for (;;) {
        const found = (await all()).filter(event => ours(event) && !seen.has(event.messageId))
        if (found.length >= count || clock.elapsed() > until) {
          const names = found.map(({ type, event }) => event ?? type).join(', ')
          assert.is(found.length, count, `came: ${names}`)
          for (const { messageId } of found) seen.add(messageId)
          return found
        }
        await clock.sleep(200)
      }
    },
    async counts() {
      const count = async (topic: string) => {
        const ranges = await log.topics.ranges(topic)
        return ranges.reduce((sum, { start, end }) => sum + end - start, 0)
      }
      return [await count('events'), await count('events.rejected')]
    },
    async close() {
      await collect.stop()
      await log.close()
      await broker.close()
      await rm(folder, { recursive: true })
    },
  }
}
