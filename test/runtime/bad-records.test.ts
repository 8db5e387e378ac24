import { BrokerUnderTest } from '../broker-under-test.ts'
import { millrace } from '../cli/millrace.ts'
import { assert, suite } from '../harness.ts'
import { JobWorld } from './job-world.ts'

const test = suite('bad records', { timeoutMs: 150_000 })
const broker = new BrokerUnderTest()

test.before(() => broker.start())
test.after(() => broker.stop())

test('go to the dead letters with code, reason and origin, while their neighbours count', async () => {
  const world = await JobWorld.open(broker.address, 'bad')
  try {
    const time = Date.now()
    const event = { messageId: 'x', event: 'Bought', userId: 'eve', timestamp: time }
    const bad: Record<string, [string, string | Buffer | null]> = {
      'not_decodable, empty': ['eve', null],
      'not_decodable, cut JSON': ['eve', '{"userId":'],
      'not_decodable, Confluent': ['eve', Buffer.from([0, 0, 0, 0, 1, 2])],
      'not_an_event, a number': ['eve', Buffer.from([7])],
      no_user: ['eve', JSON.stringify({ ...event, userId: '' })],
      'no_time, none': ['eve', JSON.stringify({ ...event, timestamp: undefined })],
      'no_time, before 2000': ['eve', JSON.stringify({ ...event, timestamp: '1999-12-31' })],
      too_large: ['eve', JSON.stringify({ ...event, properties: { text: 'x'.repeat(1 << 20) } })],
      wrong_partition: ['eve', JSON.stringify({ ...event, userId: otherThan('eve', world) })],
      value_threw: ['eve', JSON.stringify({ ...event, properties: { deed: 'throw' } })],
    }
    const names = Object.keys(bad)
    await world.start()
    for (const name of names) {
      const [user, value] = bad[name] ?? ['', null]
      await world.send({ user }, { user: 'ann', value: 3 })
      await world.sendRecords([{ user, record: { key: user, value } }])
    }
    await world.send(...world.some(30))
    await world.settled()
    await world.assertExact()

    const dead = await world.dead()
    assert.equal(
      dead.map(({ headers }) => headers['error-code']),
      names.map(name => name.split(',')[0]),
    )
    const home = world.partitionOf('eve')
    for (const [at, { headers, key, value }] of dead.entries()) {
      const name = String(names[at])
      assert.is(key, 'eve', name)
      assert.is(headers.topic, world.input, name)
      assert.is(headers.partition, String(home), name)
      assert.ok(Number(headers.offset) > 0, name)
      assert.ok(Math.abs(Number(headers.time) - time) < 60_000, name)
      assert.ok((headers.reason ?? '').length > 10, name)
      const sent = bad[name]?.[1] ?? null
      if (name === 'too_large') assert.equal([value?.length, headers.truncated], [65_536, 'true'])
      else assert.equal(value, sent === null ? null : Buffer.from(sent), name)
    }

    const { stdout } = await millrace([
      'dead',
      'list',
      '--job',
      world.name,
      '--brokers',
      broker.address,
    ])
    for (const name of names)
      assert.match(stdout, new RegExp(` ${name.split(',')[0]} ${world.input} `))
    assert.match(stdout, new RegExp(`${names.length} dead letters of ${world.name}`))
  } finally {
    await world.close()
  }
})

test('are sent again by dead replay after a fix, each of them once', async () => {
  const world = await JobWorld.open(broker.address, 'again')
  try {
    const first = await world.start()
    await world.send({ user: 'ann' }, { user: 'bob', deed: 'throw', value: 5 }, { user: 'bob' })
    await world.settled()
    assert.is((await world.dead()).length, 1)
    await world.stop(first)

    const replay = () =>
      millrace(['dead', 'replay', '--job', world.name, '--brokers', broker.address])
    assert.match((await replay()).stdout, /^sent 1 dead letters/)
    assert.match((await replay()).stdout, /^sent 0 dead letters/)
    await world.fixJob()
    await world.start()
    await world.settled()
    assert.equal((await world.totals()).get('bob'), { events: 2, total: 6 })
    assert.is((await world.dead()).length, 1)
  } finally {
    await world.close()
  }
})

test.run()

function otherThan(user: string, world: JobWorld): string {
  for (let at = 0; ; at++)
    if (world.partitionOf(`${user}-${at}`) !== world.partitionOf(user)) return `${user}-${at}`
}
