import { chmodSync, existsSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { systemClock } from '../../runtime/clock.ts'
import { assert, rejects, suite } from '../harness.ts'
import { KeysWorld } from './keys-world.ts'

const test = suite('protection of a server')

let world: KeysWorld

test.before.each(() => {
  world = new KeysWorld()
})
test.after.each(() => world.close())

test('a file that others could change is refused, and one that others can read is told', async () => {
  await world.run('add', 'shop', '--write')
  chmodSync(world.keys, 0o666)
  await rejects(
    () => world.open(),
    /mode 0666, so that other users could change it: close it with: chmod 600/,
  )
  chmodSync(world.keys, 0o644)
  await world.open()
  assert.match(world.logged, /mode 0644; 0600 is enough/)
})

test('a file that becomes wrong is told in the log, and the keys before it stay', async () => {
  const secret = await world.run('add', 'shop', '--write')
  const server = await world.open()
  writeFileSync(world.keys, readFileSync(world.keys, 'utf8').replace('"shop"', '"sh op"'))
  await server.reload()
  assert.ok(server.protection.keys.find(secret))
  assert.match(world.logged, /keys\[0\]\.name is 1 to 64/)
})

test('tokens of an issuer need all that they are checked by, and then anybody needs a key or a token', async () => {
  await rejects(() => world.open({ oauthIssuer: 'https://id.example' }), 'oauth_incomplete')
  const away = { oauthIssuer: 'https://id.example', oauthJwks: 'http://127.0.0.1:9/jwks.json' }
  const { protection } = await world.open({ ...away, oauthAudience: 'millrace' })
  assert.ok(protection.keyed)
  assert.is(protection.keys.find('dev'), undefined)
  assert.match(world.logged, /issuer's keys cannot be read/)
})

test('keys come from the environment where there is no file, and from one of the two only', async () => {
  const secret = await world.run('add', 'shop', '--write')
  process.env.MILLRACE_KEYS_JSON = readFileSync(world.keys, 'utf8')
  try {
    await rejects(() => world.open(), 'keys_given_twice')
    const { protection } = await world.open({})
    assert.is(protection.keys.find(secret)?.name, 'shop')
    process.env.MILLRACE_KEYS_JSON = '{"keys":[{}]}'
    await rejects(
      () => world.open({}),
      /MILLRACE_KEYS_JSON: keys\[0\]\.action is "write", "read" or "admin"/,
    )
  } finally {
    delete process.env.MILLRACE_KEYS_JSON
  }
})

test('without keys, the key is dev and nobody else is let in', async () => {
  const { protection } = await world.open({})
  assert.not(protection.keyed)
  assert.is(protection.keys.find('dev')?.name, 'dev')
  await rejects(
    () => world.open({ keys: world.keys }),
    /does not exist: make it with: millrace keys add/,
  )
})

test('signing keys are made once, for their owner alone, and two processes that start at once share them', async () => {
  const both = await Promise.all([world.open({}), world.open({})])
  const [first, second] = both.map(({ tokens }) => tokens)
  const token = first?.sign('open', { u: '1' }, Date.now() + 60_000) ?? ''
  assert.ok('claims' in (second?.open('open', token, Date.now()) ?? {}))
  assert.equal(both[0]?.addressSecret, both[1]?.addressSecret)
  const path = join(world.folder, 'signing.json')
  assert.is(statSync(path).mode & 0o777, 0o600)
  chmodSync(path, 0o604)
  await rejects(() => world.open({}), 'file_too_open')
  const named = join(world.folder, 'other.json')
  await rejects(
    () => world.open({ signingKeys: named }),
    /make it with: millrace keys rotate --signing-keys/,
  )
  assert.not(existsSync(named))
})

test('after a rotation a running server opens old and new tokens, and the ids of addresses stay', async () => {
  const server = await world.open({})
  const sign = () => server.tokens.sign('open', { u: '1' }, Date.now() + 60_000)
  const before = sign()
  const rotate = ['rotate', '--data', world.folder]
  assert.match(await world.run(...rotate), /signs from 20.*old ones still open/)
  await server.reload()
  // The new key signs only after a minute.
  assert.is(sign(), before)
  const later = await world.open({}, { ...systemClock, now: () => Date.now() + 61_000 })
  const after = later.tokens.sign('open', { u: '1' }, Date.now() + 60_000)
  assert.is.not(after.slice(0, 4), before.slice(0, 4))
  for (const token of [before, after])
    assert.ok('claims' in server.tokens.open('open', token, Date.now()))
  assert.equal(later.addressSecret, server.addressSecret)
})

test('a certificate without its key is refused', async () => {
  await rejects(() => world.open({ tlsCert: world.keys }), /give --tls-key, too/)
})

test('on SIGHUP the files are read at once', async () => {
  const secret = await world.run('add', 'shop', '--write')
  const neverLooking = { ...systemClock, every: () => () => undefined }
  const { protection } = await world.open({ keys: world.keys }, neverLooking)
  await world.run('remove', 'shop')
  process.emit('SIGHUP')
  while (protection.keys.find(secret)) await new Promise(resolve => setTimeout(resolve, 10))
})

test('a server that closes lets go of the signal and of its files', async () => {
  const before = process.listenerCount('SIGHUP')
  const server = await world.open({})
  assert.is(process.listenerCount('SIGHUP'), before + 1)
  server.close()
  assert.is(process.listenerCount('SIGHUP'), before)
})

test.run()
