import { hashOf, keysOf } from '../../http/keys.ts'
import { assert, suite } from '../harness.ts'
import { DeskWorld, entry, keyOf, row } from './desk-world.ts'

const test = suite('GraphQL')
const world = await DeskWorld.open()
const anna = row('anna', { orders: 3, revenue: 9, lastViewed: ['kettle'] }, ['loyal'])
const features = await world.view(
  'email.features',
  [anna, row('bert', { orders: 1 }, ['loyal'])],
  keyOf,
)
const coViewed = [{ value: 'pot', weight: 9 }]
const products = await world.view('products.features', [row('kettle', { coViewed })], keyOf)
const catalogue = await world.view(
  'products',
  [entry({ id: 'pot', title: 'A pot', price: 20 })],
  keyOf,
)
const keys = keysOf([
  { key: { name: 'few', action: 'read', fields: ['orders'] }, hashes: [hashOf('few')] },
])
const views = { features, products, catalogue }
const app = world.app(views)
const guarded = world.app(views, { keys, keyed: true, perAddress: 0 })
test.after(async () => {
  await app.close()
  await guarded.close()
  await world.close()
})

const ask = (query: string, variables?: unknown, secret?: string) =>
  (secret === undefined ? app : guarded).inject({
    method: 'POST',
    url: '/graphql',
    payload: { query, variables },
    ...(secret && { headers: { authorization: `Bearer ${secret}` } }),
  })

test('users, their features, segments and recommendations come in one query', async () => {
  const query = `query ($ids: [ID!]!) {
    users(ids: $ids) { id source features(names: ["orders"]) recommendations(count: 2) { id price because } }
    segment(name: "loyal", limit: 1) { users next }
  }`
  const { data } = (await ask(query, { ids: ['anna', 'nobody'] })).json()
  assert.equal(data.users[0].features, { orders: 3 })
  assert.equal(data.users[0].recommendations, [{ id: 'pot', price: 20, because: 'viewed' }])
  assert.is(data.users[0].source, 'stale')
  assert.is(data.users[1], null)
  assert.equal(data.segment, { users: ['anna'], next: 'anna' })
  const got = await app.inject({
    url: `/graphql?query=${encodeURIComponent('{ user(id: "bert") { id } }')}`,
  })
  assert.equal(got.json().data, { user: { id: 'bert' } })
})

test('a key sees what it sees over REST, and none sees nothing', async () => {
  const query = '{ user(id: "anna") { features } }'
  assert.equal((await ask(query, {}, 'few')).json().data.user.features, { orders: 3 })
  const refused = await ask(query, {}, 'wrong')
  assert.is(refused.statusCode, 401)
  assert.is(refused.json().code, 'unknown_key')
})

const many = JSON.stringify(Array(101).fill('anna'))
const nested = (depth: number): string =>
  depth === 0 ? 'id' : `... on User { ${nested(depth - 1)} }`
for (const [what, query, status] of [
  ['syntax that is none', '{ user(', 400],
  ['a field that there is not', '{ user(id: "anna") { password } }', 400],
  ['fragments too deep', `{ user(id: "anna") { ${nested(10)} } }`, 400],
  [
    'a fragment that uses itself',
    'fragment F on User { ...F } query { user(id: "anna") { ...F } }',
    400,
  ],
  [
    'too many aliases',
    `{ ${Array.from({ length: 51 }, (_, n) => `a${n}: user(id: "anna") { id }`)} }`,
    400,
  ],
  [
    'too many recommendations of too many',
    `{ users(ids: ${JSON.stringify(Array(100).fill('anna'))}) { recommendations(count: 24) { id title price } } }`,
    400,
  ],
  ['many users', `{ users(ids: ${many}) { id } }`, 200],
  ['a count out of bounds', '{ user(id: "anna") { recommendations(count: -1) { id } } }', 200],
  ['a query of 20,000 characters', `{ user(id: "${'x'.repeat(20_000)}") { id } }`, 413],
  ['a mutation', 'mutation { user(id: "anna") { id } }', 200],
] as const)
  test(`${what}: refused in order`, async () => {
    const answer = await ask(query)
    assert.is(answer.statusCode, status, answer.body)
    if (status !== 413) assert.ok(answer.json().errors.length > 0, answer.body)
  })

test('whose data was read is told to the log of reads, once for each query', async () => {
  const told: string[][] = []
  const auditLog = {
    append: (entry: { users: readonly string[] }) => void told.push([...entry.users]),
  }
  const audited = world.app({ ...views, auditLog: auditLog as never })
  const query =
    '{ users(ids: ["anna", "bert"]) { id } user(id: "anna") { id } segment(name: "loyal") { users } }'
  await audited.inject({ method: 'POST', url: '/graphql', payload: { query } })
  await audited.close()
  assert.equal(told, [['anna', 'bert']])
})

test('how many a variable asks for counts as the most there can be', async () => {
  const query =
    'query ($ids: [ID!]!, $count: Int!) { users(ids: $ids) { recommendations(count: $count) { id title price } } }'
  const answer = await ask(query, { ids: ['anna'], count: 1 })
  assert.is(answer.statusCode, 400)
  assert.match(answer.json().errors[0].message, 'a cost of at most 5000')
})

test.run()
