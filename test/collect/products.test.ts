import { collectTopics, productsTopic } from '../../collect/topics.ts'
import { assert, suite } from '../harness.ts'
import { DoorWorld, NOW } from './door-world.ts'

const test = suite('product catalogue')
const teapot = {
  ...{ id: 'p1', title: 'Teapot', price: 34.5, currency: 'EUR', stock: 3, category: 'kitchen' },
  ...{ url: 'https://shop.example/p1', image: 'https://shop.example/p1.jpg', colours: ['red'] },
}
const rows = (world: DoorWorld) =>
  world.records.map(({ topic, key, value }) => [
    topic,
    key,
    value && JSON.parse(Buffer.from(value).toString()),
  ])

test('a product goes whole to the compacted topic, under its id', async () => {
  const world = new DoorWorld()
  const answer = await world.post('/v1/products', teapot)
  assert.equal([answer.statusCode, answer.json()], [200, { accepted: 1, rejected: [] }])
  assert.equal(rows(world), [['products', 'p1', { ...teapot, updatedAt: NOW }]])
})

test('many come at once, an id may be a number, and the bad ones are told apart and kept out', async () => {
  const world = new DoorWorld()
  const answer = await world.post('/v1/products', {
    products: [{ id: 17 }, { id: '' }, { title: 'secret' }, { id: 'x', price: '3' }, null],
  })
  assert.equal(answer.json(), {
    accepted: 1,
    rejected: [
      {
        index: 1,
        code: 'bad_product',
        path: 'id',
        reason: 'must NOT have fewer than 1 characters',
      },
      { index: 2, code: 'bad_product', path: '', reason: "must have required property 'id'" },
      { index: 3, code: 'bad_product', path: 'price', reason: 'must be number, is string' },
      { index: 4, code: 'bad_product', path: '', reason: 'must be object, is null' },
    ],
  })
  assert.equal(rows(world), [['products', '17', { id: '17', updatedAt: NOW }]])
})

test('nothing may be in it that would harm an email or the topic', async () => {
  const world = new DoorWorld()
  const refused = async (change: object, path: string) => {
    const answer = await world.post('/v1/products', { ...teapot, ...change })
    assert.is(answer.statusCode, 422, path)
    assert.is(answer.json().rejected[0].path, path)
  }
  await refused({ url: 'javascript:alert(1)' }, 'url')
  await refused({ image: 'https://x/"onload="' }, 'image')
  await refused({ price: -1 }, 'price')
  await refused({ currency: 'euro' }, 'currency')
  await refused({ stock: 1.5 }, 'stock')
  await refused({ id: '\ufffd' }, 'id')
  await refused({ notes: 'x'.repeat(33_000) }, '')
  const deep = `{"id":"p","a":${'['.repeat(500)}${']'.repeat(500)}}`
  assert.equal((await world.post('/v1/products', deep)).json().code, 'too_deep')
  assert.equal(world.records, [])
})

test('a product that is gone leaves a tombstone', async () => {
  const world = new DoorWorld()
  const headers = { authorization: 'Bearer dev' }
  const url = `/v1/products/${encodeURIComponent('a/b c')}`
  const answer = await world.app.inject({ method: 'DELETE', url, headers })
  assert.equal([answer.statusCode, answer.json().accepted], [200, 1])
  assert.equal(rows(world), [['products', 'a/b c', null]])
})

test('the key of a page may not change the catalogue', async () => {
  const origins = ['https://shop.example']
  const world = new DoorWorld({ keys: { dev: { name: 'page', action: 'write', origins } } })
  const headers = { authorization: 'Bearer dev' }
  const posted = await world.post('/v1/products', teapot)
  const deleted = await world.app.inject({ method: 'DELETE', url: '/v1/products/p1', headers })
  for (const answer of [posted, deleted])
    assert.equal([answer.statusCode, answer.json().code], [403, 'key_for_pages'])
  assert.is((await world.post('/v1/profiles', { userId: 'a' })).statusCode, 200)
  assert.equal(
    world.records.filter(({ topic }) => topic === 'products'),
    [],
  )
})

test('its topic is compacted within a stated time, and tells a week long what is gone', () => {
  const specs = collectTopics('events', { partitions: 4, replication: 1 })
  const week = String(7 * 86_400_000)
  assert.equal(specs.find(({ topic }) => topic === productsTopic)?.config, {
    ...{ 'cleanup.policy': 'compact', 'delete.retention.ms': week },
    'max.compaction.lag.ms': week,
  })
})

test.run()
