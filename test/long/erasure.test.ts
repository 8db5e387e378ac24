import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { systemClock as clock } from '../../runtime/clock.ts'
import { BrokerUnderTest } from '../broker-under-test.ts'
import { assert, rejects, suite } from '../harness.ts'
import { type Exported, PrivacyWorld, type Receipt, type Row } from '../serve/privacy-world.ts'

const test = suite('erasing and exporting a person', { timeoutMs: 150_000 })
const broker = new BrokerUnderTest()
test.before(() => broker.start())
test.after(() => broker.stop())

test('who is erased is gone from every place or leaves it by a time that the receipt names, with his devices, and nobody else', async () => {
  const world = await PrivacyWorld.open(broker.address)
  try {
    const job = await world.start()
    const view = { type: 'track', event: 'Product Viewed' }
    await world.send({ ...view, messageId: 'v0', anonymousId: 'phone' })
    await world.send({ ...view, messageId: 'v1', userId: 'anna' })
    await world.send({ type: 'identify', messageId: 'i1', userId: 'anna', anonymousId: 'phone' })
    await world.send({ ...view, messageId: 'v2', userId: 'bert', properties: { gift_for: 'anna' } })
    await world.settled()
    await world.send({ ...view, messageId: 'l1', userId: 'anna', timestamp: clock.now() - 9e8 })
    await world.send({ messageId: 'd1', userId: 'anna', timestamp: 'no time' })
    await world.reject({ userId: 'anna', event: 7 }, { userId: 'bert', note: 'anna' })
    await world.serve()
    await world.until(async () => (await viewsOf(world, 'anna')) === 2, 'anna is known', 20_000)
    await world.until(async () => (await viewsOf(world, 'bert')) === 1, 'bert is known')

    const exported = (await (await world.ask('anna/export')).json()) as Exported
    assert.is(exported.views.features.features?.views, 2)
    assert.is((await world.ask('nobody/export')).status, 404)
    const lines = (await world.run('export', 'anna')).map(line => JSON.parse(line))
    const ends = (topic: string) => lines.filter(line => line.topic.endsWith(topic))
    const ids = ends('-events').map(({ event, value }) => event?.messageId ?? value?.messageId)
    for (const id of ['v0', 'v1', 'i1', 'l1', 'd1']) assert.ok(ids.includes(id), `${id} of ${ids}`)
    assert.not.ok(ids.includes('v2'), 'it is of bert')
    assert.equal([ends('.late').length, ends('.dead').length], [1, 1])
    assert.equal(
      ends('.rejected').map(({ value }) => JSON.parse(value.payload).event),
      [7],
    )
    assert.is(ends('.features').at(-1)?.value.features.views, 2)

    await rejects(() => world.verify(), 'nobody was erased under that id')
    const receipt = await world.ask('anna', 'DELETE')
    assert.is(receipt.status, 202)
    checkReceipt((await receipt.json()) as Receipt, world)
    await world.until(async () => (await world.ask('anna/features')).status === 404, 'anna is gone')
    await world.settled()
    await world.until(
      () =>
        world.verify().then(
          () => true,
          () => false,
        ),
      'all is as promised',
    )
    const table = (await world.verify()).join('\n')
    assert.match(table, new RegExp(`ok +state of ${world.name} +erased 20`))
    assert.match(table, /\.features +a tombstone/)
    assert.match(table, /\.changelog +a tombstone/)
    assert.match(table, /\.late +1 of before.*, gone by 20/)
    assert.match(table, /\.dead +1 of before.*, gone by 20/)
    assert.match(table, /-events +[5-9] of before.*, gone by 20/)
    assert.match(table, /\.rejected +1 of before/)
    assert.match(table, /audit +\d+ lines say/)
    assert.match(table, /view of serve +nothing/)
    assert.is(await viewsOf(world, 'bert'), 1)
    const reads = (await world.audit('--user', 'anna')).map(line => JSON.parse(line))
    assert.ok(reads.some(({ route, by }) => route.endsWith('/export') && by === 'loopback'))
    assert.ok(reads.every(({ users }) => users.includes('anna')))
    assert.equal(await world.audit('--user', 'anna', '--since', '2999-01-01'), [])

    await world.send({ ...view, messageId: 'v9', userId: 'anna' })
    await world.until(async () => (await viewsOf(world, 'anna')) === 1, 'anna is back, anew')
    await rejects(() => world.verify(), /not as promised: view of serve/)
    await world.stop(job)
  } finally {
    await world.close()
  }
})

test('verify ends with 1 where the job has not taken it, the spool holds something, or a row came back', async () => {
  const world = await PrivacyWorld.open(broker.address)
  try {
    const job = await world.start()
    await world.send({ event: 'Product Viewed', messageId: 'v1', userId: 'anna' })
    await world.settled()
    await world.stop(job)
    await world.send({ type: 'delete', messageId: 'e1', userId: 'anna' })
    const left = () => world.verify().then(() => '', String)
    assert.match(await left(), /not as promised: state of privacy-\w+, privacy-\w+\.features, /)
    const again = await world.start()
    await world.settled()
    assert.is(await left(), '')

    const spool = join(world.folder, 'data', 'collect', '1', 'spool')
    await mkdir(spool, { recursive: true })
    await writeFile(join(spool, '1'), `${'x'.repeat(65_533)}anna`)
    assert.match(await left(), /not as promised: \S+spool;/)
    await writeFile(join(spool, '1'), '')
    await world.stop(again)

    const value = JSON.stringify({ key: 'anna', version: [0, 9], features: {}, segments: [] })
    await world.put(`${world.name}.features`, 'anna', value)
    assert.match(await left(), /not as promised: privacy-\w+\.features;/)
  } finally {
    await world.close()
  }
})

test.run()

async function viewsOf(world: PrivacyWorld, user: string): Promise<number | undefined> {
  const row = (await (await world.ask(`${user}/features`)).json()) as Row
  return row.features?.views
}

function checkReceipt(receipt: Receipt, { name, input }: PrivacyWorld): void {
  const places = new Map(receipt.places.map(({ place, emptyBy }) => [place, emptyBy]))
  assert.equal(
    [...places.keys()],
    [
      `state of job ${name}`,
      ...['changelog', 'features', 'triggers', 'late', 'dead', 'rekeyed'].map(
        end => `${name}.${end}`,
      ),
      ...[input, `${input}.rejected`],
      ...[
        'views and caches of serve',
        'spool of collect',
        'what collect has set aside',
        'audit log of serve',
      ],
    ],
  )
  const dayMs = 86_400_000
  const bounds: [topic: string, days: number][] = [
    [input, 8],
    ...['late', 'dead', 'triggers'].map((end): [string, number] => [`${name}.${end}`, 8]),
    ...['changelog', 'features'].map((end): [string, number] => [`${name}.${end}`, 7]),
  ]
  for (const [topic, expected] of bounds) {
    const days = (Date.parse(places.get(topic) ?? '') - clock.now()) / dayMs
    assert.ok(Math.abs(days - expected) < 0.1, `${topic}: ${days}`)
  }
}
