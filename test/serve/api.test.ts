import { brotliDecompressSync, gunzipSync } from 'node:zlib'
import { defineBlock } from '../../content/block.ts'
import { hashOf, type Key, keysOf } from '../../http/keys.ts'
import { assert, suite } from '../harness.ts'
import { DeskWorld, entry, keyOf, row } from './desk-world.ts'

const test = suite('the API of serving')

const world = await DeskWorld.open()
test.after(() => world.close())

const features = await world.view(
  'email.features',
  [
    row('anna', { lastViewed: ['kettle'], orders: 3, lastBought: ['cup'] }, ['loyal']),
    row('bert', { orders: 1 }, ['loyal', 'at risk']),
    row('cleo', { orders: 0, words: Array.from({ length: 200 }, (_, at) => `word ${at}`) }, []),
  ],
  keyOf,
)
const weighted = (...pairs: [string, number][]) =>
  pairs.map(([value, weight]) => ({ value, weight }))
const products = await world.view(
  'products.features',
  [
    row('kettle', {
      coViewed: weighted(['pot', 9], ['cup', 8], ['gone', 7], ['sold', 6], ['tray', 5]),
    }),
    row('category:tea', { popular: weighted(['pot', 50], ['sold', 40], ['cup', 30]) }),
  ],
  keyOf,
)
const catalogue = await world.view(
  'products',
  [
    entry({ id: 'pot', title: 'A pot', price: 20, currency: 'EUR', stock: 4 }),
    entry({ id: 'cup', title: 'A cup', price: 5, currency: 'EUR' }),
    entry({ id: 'sold', title: 'Sold out', stock: 0 }),
    entry({ id: 'tray', price: 'free' }),
  ],
  keyOf,
)

const secrets = new Map<string, Key>([
  ['all', { name: 'all', action: 'read' }],
  ['few', { name: 'few', action: 'read', fields: ['orders'] }],
  ['writer', { name: 'writer', action: 'write' }],
  ['slow', { name: 'slow', action: 'read', perSecond: 1 }],
])
const keys = keysOf([...secrets].map(([secret, key]) => ({ key, hashes: [hashOf(secret)] })))
const words = defineBlock({
  name: 'words',
  features: ['words'],
  shape: ({ features }) => ({ words: features.words }),
  fallback: { words: [] },
})
const app = world.app({ features, products, catalogue, blocks: new Map([['words', words]]) })
const guarded = world.app({ features, products, catalogue }, { keys, keyed: true, perAddress: 0 })
test.after(async () => {
  await app.close()
  await guarded.close()
})
const get = async (url: string) => (await app.inject({ url })).json()
const ask = (url: string, secret: string) =>
  guarded.inject({ url, headers: { authorization: `Bearer ${secret}` } })

test('many users are answered at once, each with his own standing, the unknown with null', async () => {
  const payload = { ids: ['bert', 'nobody', 'anna', 'bert'], fields: ['orders'] }
  const answer = await app.inject({ method: 'POST', url: '/v1/users/features', payload })
  const { users } = answer.json()
  assert.equal(Object.keys(users), ['bert', 'nobody', 'anna'])
  assert.is(users.nobody, null)
  assert.equal(users.anna.features, { orders: 3 })
  assert.type(users.bert.ageMs, 'number')
  for (const wrong of [{}, { ids: [] }, { ids: 'anna' }, { ids: Array(501).fill('x') }]) {
    const refused = await app.inject({ method: 'POST', url: '/v1/users/features', payload: wrong })
    assert.is(refused.statusCode, 400, JSON.stringify(wrong).slice(0, 40))
    assert.match(refused.json().detail, /ids/)
  }
})

test('recommended is what can be bought now and was not, as the catalogue has it', async () => {
  const { items, source } = await get('/v1/users/anna/recommendations?count=2')
  assert.is(source, 'stale', 'nothing is followed here')
  assert.equal(
    items.map((item: { id: string }) => item.id),
    ['pot', 'tray'],
  )
  assert.is(items[0].price, 20)
  assert.is(items[0].because, 'viewed')
  assert.is(items[0].of, 'kettle')
  assert.equal([items[1].title, items[1].price], ['tray', undefined])
})

test('somebody unknown is recommended what is popular', async () => {
  const { items } = await get('/v1/users/nobody/recommendations')
  assert.equal(
    items.map(({ id, because }: { id: string; because: string }) => [id, because]),
    [
      ['pot', 'popular'],
      ['cup', 'popular'],
    ],
  )
  assert.is((await get('/v1/users/anna/recommendations?count=0')).code, 'bad_count')
})

test('a segment is listed in pages', async () => {
  const first = await get('/v1/segments/loyal/users?limit=1')
  assert.equal(first, { segment: 'loyal', users: ['anna'], next: 'anna' })
  assert.equal(await get('/v1/segments/loyal/users?after=anna'), {
    segment: 'loyal',
    users: ['bert'],
  })
  assert.equal(await get('/v1/segments/at%20risk/users'), { segment: 'at risk', users: ['bert'] })
  assert.equal((await get('/v1/segments/none/users')).users, [])
  assert.is((await get('/v1/segments/loyal/users?limit=1e9')).code, 'bad_limit')
})

test('a key reads what it may, and no more', async () => {
  const url = '/v1/users/anna/features'
  assert.equal((await ask(url, 'few')).json().features, { orders: 3 })
  assert.equal((await ask(`${url}?fields=lastViewed`, 'few')).json().features, {})
  assert.ok((await ask(url, 'all')).json().features.lastViewed)
  assert.is((await ask(url, 'wrong')).statusCode, 401)
  assert.is((await ask(url, 'writer')).statusCode, 403)
  assert.is((await guarded.inject({ url })).statusCode, 401)
  for (const path of ['/v1/users/anna/recommendations', '/v1/segments/loyal/users'])
    assert.is((await guarded.inject({ url: path })).statusCode, 401, path)
  await ask(url, 'slow')
  const over = await ask(url, 'slow')
  assert.is(over.statusCode, 429)
  assert.is(over.headers['retry-after'], '1')
})

test('the routes describe themselves, as OpenAPI 3.1 and on a page', async () => {
  const description = await get('/v1/openapi.json')
  assert.is(description.openapi, '3.1.0')
  assert.is(description.info.version, '1.2.3')
  const paths = Object.keys(description.paths).sort()
  assert.equal(paths, [
    '/v1/amp/blocks/{block}',
    '/v1/amp/forms/{form}',
    '/v1/audit',
    '/v1/blocks/{block}',
    '/v1/images/{file}',
    '/v1/images/{name}/click',
    '/v1/segments/{name}/users',
    '/v1/users/features',
    '/v1/users/{id}',
    '/v1/users/{id}/export',
    '/v1/users/{id}/features',
    '/v1/users/{id}/recommendations',
  ])
  const page = await app.inject({ url: '/explorer/' })
  assert.is(page.statusCode, 200)
  assert.match(String(page.headers['content-type']), 'text/html')
})

test('a large answer is compressed for who understands it', async () => {
  const url = '/v1/openapi.json'
  const plain = await app.inject({ url })
  const small = await app.inject({ url, headers: { 'accept-encoding': 'gzip' } })
  assert.is(small.headers['content-encoding'], 'gzip')
  assert.ok(small.rawPayload.length < plain.rawPayload.length / 3)
})

test('a large feed is compressed, by brotli where that is understood; a small one is not', async () => {
  const feed = (user: string, accepted: string) =>
    app.inject({
      url: `/v1/blocks/words?user=${user}`,
      headers: { 'accept-encoding': accepted },
    })
  const plain = (await feed('cleo', 'identity')).json()
  assert.is(plain.words.length, 200)
  for (const [accepted, encoding, open] of [
    ['gzip', 'gzip', gunzipSync],
    ['gzip, deflate, br', 'br', brotliDecompressSync],
  ] as const) {
    const answer = await feed('cleo', accepted)
    assert.is(answer.headers['content-encoding'], encoding)
    assert.match(String(answer.headers.vary), 'accept-encoding')
    assert.ok(answer.rawPayload.length < 1_024)
    assert.equal(JSON.parse(String(open(answer.rawPayload))).words, plain.words)
    const small = await feed('nobody', accepted)
    assert.is(small.headers['content-encoding'], undefined)
    assert.equal(small.json(), { words: [], source: 'fallback', ageMs: 0 })
  }
})

test.run()
