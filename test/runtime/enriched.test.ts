import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { topicRecords } from '../../cli/topic-records.ts'
import { partitionFor } from '../../protocol/murmur2.ts'
import type { JobProcess } from '../../runtime/process.ts'
import { BrokerUnderTest } from '../broker-under-test.ts'
import { assert, suite } from '../harness.ts'
import { mmdb } from '../jobs/mmdb.ts'
import { JobOnBroker, type JobSpec, liveOf } from './job-on-broker.ts'
import { avro, framed, SmallRegistry } from './small-registry.ts'

const test = suite('enriched', { timeoutMs: 150_000 })
const broker = new BrokerUnderTest()
const registry = new SmallRegistry()

test.before(() => Promise.all([broker.start(), registry.start()]))
test.after(() => Promise.all([broker.stop(), registry.stop()]))

const defineJobUrl = new URL('../../jobs/define-job.ts', import.meta.url).href
const source = (name: string) => `
import { count, defineJob, geo, lastValue, table } from '${defineJobUrl}'

export default defineJob({
  name: '${name}',
  input: '${name}-events',
  tables: { products: table('products.csv', { key: 'sku' }), places: geo('places.mmdb') },
  schemas: { Viewed: { required: ['sku'], properties: { sku: { type: 'string' } } } },
  features: {
    views: count({ of: 'Viewed' }),
    category: lastValue({
      of: 'Viewed',
      value: (event, tables) => tables.products.get(event.properties.sku)?.category,
    }),
    country: lastValue({ value: (event, tables) => tables.places.get(event.context.ip)?.country }),
  },
})
`

/** A job with a table of products, one of places, a schema, and events in JSON and in Avro. */
class EnrichedWorld extends JobOnBroker {
  static async open(name: string): Promise<EnrichedWorld> {
    const spec: JobSpec = { brokers: broker.address, name, partitions: 2, source }
    const place = await JobOnBroker.place(spec)
    const world = new EnrichedWorld(spec, place.name, place.folder)
    await world.writeProducts('mug,kitchen\nrake,garden\n')
    await writeFile(
      join(world.folder, 'places.mmdb'),
      mmdb({ '00001010': { country: { iso_code: 'DE' } } }),
    )
    await world.prepare(spec)
    return world
  }

  writeProducts(lines: string): Promise<void> {
    return writeFile(join(this.folder, 'products.csv'), `sku,category\n${lines}`)
  }

  async send(user: string, value: Buffer | object): Promise<void> {
    const partition = partitionFor(Buffer.from(user), this.partitions)
    const bytes = Buffer.isBuffer(value) ? value : Buffer.from(JSON.stringify(value))
    await this.producer.send([
      { topic: this.input, partition, records: [{ key: user, value: bytes }] },
    ])
  }

  /** Features of each user's newest row. */
  async rows(): Promise<Record<string, unknown>> {
    const rows: Record<string, unknown> = {}
    for await (const { key, value } of topicRecords(this.log, `${this.name}.features`))
      rows[String(key)] = JSON.parse(String(value)).features
    return rows
  }

  async dead(): Promise<string[]> {
    const letters: string[] = []
    for await (const record of topicRecords(this.log, `${this.name}.dead`)) {
      const headers = new Map(record.headers().map(([name, text]) => [name, `${text}`]))
      letters.push(`${headers.get('error-code')}: ${headers.get('reason')}`)
    }
    return letters
  }
}

/** Of all partitions, each once. */
function generations(job: JobProcess): string {
  const all = job.figures().slots.map(({ figures }) => figures?.generation)
  return [...new Set(all)].join()
}

const viewed = (userId: string, sku: unknown, ip?: string) => ({
  ...{ userId, event: 'Viewed', timestamp: Date.now(), properties: { sku }, context: { ip } },
})

test('events are joined with tables, and what does not fit its schema is a dead letter', async () => {
  const world = await EnrichedWorld.open('enriched')
  try {
    const first = await world.start()
    await world.send('ann', viewed('ann', 'rake', '10.1.2.3'))
    await world.send('bob', viewed('bob', 'hat', '200.1.2.3'))
    await world.send('bob', viewed('bob', 7))
    await world.settled()
    assert.equal(await world.rows(), {
      ann: { views: 1, category: 'garden', country: 'DE' },
      bob: { views: 1, category: null, country: null },
    })
    assert.equal(await world.dead(), [
      'schema_failed: "Viewed": properties/sku must be string, is number',
    ])
    // Another content: running lanes keep theirs, a process that starts takes it, and states stay.
    await world.writeProducts('mug,kitchen\nrake,tools\nrake,sheds\nhat,clothes\n')
    await world.send('ann', viewed('ann', 'rake'))
    await world.settled()
    assert.equal((await world.rows()).ann, { views: 2, category: 'garden', country: 'DE' })
    await world.until(() => generations(first) === '1', 'it is the first generation')
    await world.stop(first)
    const second = await world.start()
    await world.send('ann', viewed('ann', 'rake'))
    await world.settled()
    assert.equal((await world.rows()).ann, { views: 3, category: 'sheds', country: 'DE' })
    await world.until(() => generations(second) === '2', 'it is the next generation of the job')
    assert.match(world.logged.join('\n'), /1 rows have a sku that came before.*"rake" in line 4/)
  } finally {
    await world.close()
  }
})

test('a table that cannot be read ends the start, and says where it is wrong', async () => {
  const world = await EnrichedWorld.open('unread')
  try {
    await world.writeProducts('mug\n')
    await world.start().then(
      () => assert.unreachable('it starts'),
      (error: Error & { code?: string }) => {
        assert.is(error.code, 'bad_table')
        assert.match(error.message, /table "products" \(products\.csv\): .*line 2/)
      },
    )
  } finally {
    await world.close()
  }
})

const avroSchema = {
  type: 'record' as const,
  name: 'Viewed',
  fields: [
    ...(['userId', 'event'] as const).map(name => ({ name, type: 'string' as const })),
    { name: 'timestamp', type: 'long' as const },
    { name: 'properties', type: { type: 'map' as const, values: 'string' as const } },
  ],
}
const inAvro = (id: number, userId: string, sku: string) =>
  framed(id, avro(avroSchema, { ...viewed(userId, sku), context: undefined }))

test('Avro waits for a registry that is away, others go on, and nothing is lost or dead', async () => {
  const world = await EnrichedWorld.open('framed')
  try {
    registry.ids.set(1, { schema: JSON.stringify(avroSchema) })
    await registry.stop()
    const home = (user: string) => partitionFor(Buffer.from(user), 2)
    const ann = home('ann')
    const bob = ['bob', 'bea', 'ben', 'bill', 'bo'].find(user => home(user) !== ann) ?? ''
    const job = await world.start({ schemaRegistry: { url: registry.url } })
    await world.send('ann', viewed('ann', 'mug'))
    await world.send('ann', inAvro(1, 'ann', 'rake'))
    await world.send('ann', viewed('ann', 'mug'))
    await world.send(bob, viewed(bob, 'mug'))
    const waits = `partition ${ann} waits: schema 1 is not known yet: the registry ${registry.url} does not answer (ECONNREFUSED)`
    await world.until(() => job.notReady().includes(waits), 'it says what it waits for')
    await world.until(async () => (await world.lag()) === 2, 'what came before is committed')
    assert.equal(liveOf(job), [0, 1])
    assert.ok(world.logged.includes(`warn ${waits}`))
    const row = { category: 'kitchen', country: null }
    assert.equal(await world.rows(), { ann: { views: 1, ...row }, [bob]: { views: 1, ...row } })

    await registry.start()
    await world.settled()
    await world.until(() => job.notReady().length === 0, 'it is ready')
    assert.is(world.logged.at(-1), `info partition ${ann} goes on`)
    await world.send(bob, inAvro(2, bob, 'rake'))
    await world.send(bob, framed(1, Buffer.of(1, 2, 3)))
    await world.send(bob, inAvro(1, bob, 'rake'))
    await world.settled()
    assert.equal(await world.rows(), {
      ann: { views: 3, ...row },
      [bob]: { views: 2, category: 'garden', country: null },
    })
    const [unknown, undecodable, ...more] = await world.dead()
    assert.match(unknown ?? '', /^unknown_schema: .* has no schema 2/)
    assert.match(undecodable ?? '', /^not_decodable: the value is not Avro of schema 1/)
    assert.equal(more, [])
  } finally {
    await world.close()
  }
})

test.run()
