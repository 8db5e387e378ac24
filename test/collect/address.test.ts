import { addressesOf, isAddress } from '../../collect/address.ts'
import { assert, suite } from '../harness.ts'

const test = suite('addresses')
const secret = 'a secret of thirty-two bytes, or more'
const addresses = addressesOf(secret)

const identify = {
  type: 'identify',
  messageId: 'm1',
  userId: 'u1',
  anonymousId: 'a1',
  timestamp: '2026-11-22T10:00:00.000Z',
  receivedAt: '2026-11-22T10:00:01.000Z',
  traits: { email: 'Bob@Example.com', name: 'Bob' },
  context: { ip: '203.0.113.9', consent: { categoryPreferences: { mail: true } } },
}

test('one address has one id, however it is written, and another secret gives another', () => {
  const id = addresses.idOf('bob@example.com')
  assert.match(id, /^email:[\w-]{27}$/)
  assert.is(addresses.idOf('  BOB@Example.COM\n'), id)
  assert.is.not(addresses.idOf('bob@example.org'), id)
  assert.is.not(addressesOf(`${secret}!`).idOf('bob@example.com'), id)
})

test('an identify with an address makes the address an alias of its user, and carries only time and consent', () => {
  assert.equal(addresses.linkOf(identify), {
    type: 'identify',
    messageId: 'm1:email',
    userId: 'u1',
    anonymousId: addresses.idOf('bob@example.com'),
    timestamp: identify.timestamp,
    receivedAt: identify.receivedAt,
    context: { consent: identify.context.consent },
  })
})

test('what has no user, no address or no id of its own is not joined', () => {
  const none = (change: Record<string, unknown>) =>
    assert.is(addresses.linkOf({ ...identify, ...change }), undefined)
  none({ type: 'track' })
  none({ userId: undefined })
  none({ userId: '' })
  none({ messageId: '' })
  none({ traits: { email: 'nobody' } })
  none({ traits: { email: 'a@b@c' } })
  none({ traits: { email: `${'a'.repeat(400)}@b` } })
  none({ traits: 'bob@example.com' })
  none({ traits: { email: { toString: 'bob@example.com' } } })
  none({ anonymousId: addresses.idOf('bob@example.com') })
})

test('a secret that could be guessed is refused', () => {
  assert.throws(() => addressesOf('short'), /at least 32 bytes, this one 5/)
})

test('an address needs no more than something before and behind one @', () => {
  assert.ok(isAddress('ü+tag@例え.jp'))
  assert.not(isAddress('a b@c'))
  assert.not(isAddress('@c'))
  assert.not(isAddress(undefined))
})

test.run()
