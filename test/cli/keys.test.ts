import { readFileSync, statSync } from 'node:fs'
import { assert, rejects, suite } from '../harness.ts'
import { KeysWorld } from './keys-world.ts'

const test = suite('millrace keys')

let world: KeysWorld

test.before.each(() => {
  world = new KeysWorld()
})
test.after.each(() => world.close())

test('a key is made, its secret printed once, and only its hash kept, for its owner alone', async () => {
  const secret = await world.run(
    'add',
    'shop',
    '--write',
    '--origin',
    'https://a.example',
    '--origin',
    'https://b.example',
    '--per-second',
    '50',
  )
  assert.match(secret, /^mr_w_[0-9a-f]{40}$/)
  assert.is(statSync(world.keys).mode & 0o777, 0o600)
  assert.not.match(readFileSync(world.keys, 'utf8') + world.logged, secret)
  const { protection } = await world.open()
  assert.ok(protection.keyed)
  const key = protection.keys.find(secret)
  assert.equal(key, {
    name: 'shop',
    action: 'write',
    origins: ['https://a.example', 'https://b.example'],
    perSecond: 50,
  })
  assert.not.match(await world.run('list'), secret)
  assert.match(
    await world.run('list'),
    /^shop {2}write {2}\d{4}-\d\d-\d\d {2}origins=https:\/\/a\.example,https:/,
  )
})

test('a key to read has features and a budget', async () => {
  const secret = await world.run(
    'add',
    'braze',
    '--read',
    '--fields',
    'cart,rfm',
    '--budget-ms',
    '150',
    '--address',
    '10.0.0.0/8',
  )
  assert.match(secret, /^mr_r_/)
  const { protection } = await world.open()
  const expected = {
    name: 'braze',
    action: 'read',
    fields: ['cart', 'rfm'],
    budgetMs: 150,
    addresses: ['10.0.0.0/8'],
  }
  assert.equal(protection.keys.find(secret), expected)
})

test('a key that is taken back opens nothing any more, without a restart', async () => {
  const secret = await world.run('add', 'shop', '--write')
  const server = await world.open()
  assert.ok(server.protection.keys.find(secret))
  await world.run('remove', 'shop')
  await until(() => server.protection.keys.find(secret) === undefined)
  assert.match(world.logged, /nobody is let in/)
})

test('while a key is renewed both secrets open, then only the new one', async () => {
  const old = await world.run('add', 'shop', '--write')
  const young = await world.run('renew', 'shop')
  const server = await world.open()
  for (const secret of [old, young]) assert.is(server.protection.keys.find(secret)?.name, 'shop')
  await rejects(() => world.run('renew', 'shop'), 'renewal_under_way')
  await world.run('renew', 'shop', '--finish')
  await server.reload()
  assert.is(server.protection.keys.find(old), undefined)
  assert.ok(server.protection.keys.find(young))
  await rejects(() => world.run('renew', 'shop', '--finish'), 'no_renewal')
})

test('what cannot be is refused in words, and the file stays as it was', async () => {
  await rejects(() => world.run('list'), /keys\.json does not exist.*millrace keys add/)
  await world.run('add', 'shop', '--write')
  const before = readFileSync(world.keys, 'utf8')
  await rejects(() => world.run('add', 'shop', '--read'), 'key_exists')
  await rejects(() => world.run('remove', 'shpo'), /has no key "shpo"; it has shop/)
  const wrong: [string[], RegExp][] = [
    [['add', 'x'], /one of --write, --read and --admin/],
    [['add', 'x', '--write', '--read'], /one of --write, --read and --admin/],
    [['add', 'x', '--write', '--fields', 'a'], /are for --read/],
    [['add', 'x', '--write', '--origin', 'shop.example'], /such as https:/],
    [['add', 'x', '--write', '--address', '10.0.0.0/64'], /10\.0\.0\.0\/8/],
    [['add', 'x y', '--write'], /1 to 64 letters/],
    [['add', 'x', '--write', '--per-second', '0'], /from 1 to/],
  ]
  for (const [args, expected] of wrong) {
    assert.match(await world.complaint(...args), expected, args.join(' '))
  }
  assert.is(readFileSync(world.keys, 'utf8'), before)
})

test.run()

/** Without asking for it: the file is looked at every 2 s. */
async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await new Promise(resolve => setTimeout(resolve, 50))
}
