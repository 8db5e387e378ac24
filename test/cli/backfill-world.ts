import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import kafkajs from 'kafkajs'
import { topicRecords } from '../../cli/topic-records.ts'
import { partitionFor } from '../../protocol/murmur2.ts'
import type { Log, Producer } from '../../runtime/log.ts'
import { JobOnBroker, type JobSpec } from '../runtime/job-on-broker.ts'

const language = new URL('../../jobs/define-job.ts', import.meta.url).href

export interface Sent {
  readonly user?: string
  readonly anonymous?: string
  readonly type?: string
  readonly value?: number
  readonly at: number
}

/** `total` and `items` come later than `count`. */
const source = (name: string, more: boolean) => `
import { count, defineJob, lastDistinct, sum } from '${language}'
export default defineJob({
  name: '${name}', input: '${name}-events', identity: true, idle: 'hold', decay: 'event',
  features: {
    count: count({ of: 'Bought' }),
    ${more ? "total: sum({ of: 'Bought', value: 'value' }), today: sum({ of: 'Bought', value: 'value', over: '24h', every: '1h' })," : ''}
  },
})
`

/** A job of two definitions: the second has features that came later. */
export class BackfillWorld extends JobOnBroker {
  static async open(brokers: string): Promise<BackfillWorld> {
    const spec: JobSpec = {
      ...{ brokers, name: 'backfill', partitions: 2 },
      source: name => source(name, false),
    }
    const place = await JobOnBroker.place(spec)
    const world = new BackfillWorld(spec, place.name, place.folder)
    await world.prepare(spec)
    await writeFile(join(place.folder, 'more.ts'), source(place.name, true))
    return world
  }

  /** As retention does, with all that it has. */
  async forgetInput(): Promise<void> {
    const kafka = new kafkajs.Kafka({
      brokers: [this.brokers],
      logLevel: kafkajs.logLevel.NOTHING,
    })
    const admin = kafka.admin()
    await admin.connect()
    await admin.fetchTopicOffsets(this.input) // else kafkajs knows no leader
    const ranges = await this.log.topics.ranges(this.input)
    const partitions = ranges.map(({ end }, partition) => ({ partition, offset: String(end) }))
    await admin.deleteTopicRecords({ topic: this.input, partitions })
    await admin.disconnect()
  }

  get moreUrl(): string {
    return pathToFileURL(join(this.folder, 'more.ts')).href
  }

  async send(events: readonly Sent[]): Promise<void> {
    for (const event of events) {
      const key = event.user ?? event.anonymous ?? ''
      const partition = partitionFor(Buffer.from(key), this.partitions)
      const record = { key, value: JSON.stringify(bodyOf(event)) }
      await this.producer.send([{ topic: this.input, partition, records: [record] }])
    }
  }

  async rows(): Promise<Map<string, Record<string, number>>> {
    const rows = new Map<string, Record<string, number>>()
    for await (const { key, value } of topicRecords(this.log, `${this.name}.features`)) {
      if (value === null) rows.delete(String(key))
      else rows.set(String(key), JSON.parse(String(value)).features)
    }
    return rows
  }
}

/** A log before whose first producer, and before whose first send, something happens. */
export function meanwhile(
  log: Log,
  { opening, sending }: Record<'opening' | 'sending', () => Promise<void>>,
): Log {
  let opened: Promise<void> | undefined
  let sent: Promise<void> | undefined
  const topics: Log['topics'] = {
    create: specs => log.topics.create(specs),
    describe: topic => log.topics.describe(topic),
    describeAll: topics => log.topics.describeAll(topics),
    names: () => log.topics.names(),
    counts: () => log.topics.counts(),
    async ranges(topic) {
      await opened
      return log.topics.ranges(topic)
    },
  }
  const producer = (): Producer => {
    const real = log.producer()
    opened ??= opening()
    return {
      async send(appends) {
        if (appends.length > 0) sent ??= sending()
        await sent
        return real.send(appends)
      },
      close: () => real.close(),
    }
  }
  return { ...sameBut(log), topics, producer }
}

const sameBut = (log: Log): Log => ({
  ...log,
  topics: log.topics,
  committed: log.committed.bind(log),
  reader: log.reader.bind(log),
})

let ids = 0
/** The event as it stands in a record, or in a line of a file. */
export function bodyOf({ user, anonymous, type = 'track', value, at }: Sent) {
  return {
    ...{ messageId: `m${ids++}`, type, timestamp: at, properties: { value } },
    ...(type === 'track' && { event: 'Bought' }),
    ...(user !== undefined && { userId: user }),
    ...(anonymous !== undefined && { anonymousId: anonymous }),
  }
}

/** A log whose producer is gone after so many sends. */
export function dyingAfter(log: Log, sends: number): Log {
  const producer = (): Producer => {
    const real = log.producer()
    let left = sends
    return {
      send: appends => (left-- > 0 ? real.send(appends) : Promise.reject(new Error('died'))),
      close: () => real.close(),
    }
  }
  return { ...sameBut(log), producer }
}
