import fc from 'fast-check'
import {
  formatSigningFile,
  newSigningSecrets,
  parseSigningFile,
  rotated,
  signingKeysOf,
} from '../../http/signing-file.ts'
import { createTokens } from '../../http/tokens.ts'
import { assert, suite } from '../harness.ts'

const test = suite('signed tokens')

const now = Date.parse('2026-11-22T10:00:00Z')
const later = now + 3_600_000
let secrets = newSigningSecrets(now)
const tokens = createTokens(
  signingKeysOf(
    () => secrets,
    () => now,
  ),
)
const token = tokens.sign('open', { u: 'user-4711', m: 'welcome' }, later)

test('a token gives back its claims, for its purpose and until it expires', () => {
  assert.equal(tokens.open('open', token, now), { claims: { m: 'welcome', u: 'user-4711' } })
  assert.equal(tokens.open('open', token, later), { claims: { m: 'welcome', u: 'user-4711' } })
  assert.equal(tokens.open('open', token, later + 1), { fault: 'expired' })
  assert.equal(tokens.open('click', token, now), { fault: 'other_purpose' })
})

test('a token is short, the same for the same words, and needs no escaping in a URL', () => {
  assert.match(token, /^[\w-]+$/)
  assert.ok(token.length <= 68, `${token.length} characters`)
  assert.is(tokens.sign('open', { m: 'welcome', u: 'user-4711' }, later), token)
})

test('any claims come back as they were, and only as a whole', () => {
  const claims = fc.dictionary(
    fc.string({ maxLength: 20 }),
    fc.string({ unit: 'grapheme', maxLength: 200 }),
    { maxKeys: 5 },
  )
  fc.assert(
    fc.property(fc.string({ maxLength: 20 }), claims, (purpose, given) => {
      const opened = tokens.open(purpose, tokens.sign(purpose, given, later), now)
      assert.equal(
        'claims' in opened && Object.entries(opened.claims).sort(),
        Object.entries(given).sort(),
      )
    }),
    { numRuns: 300 },
  )
})

test('a token with any one character changed is refused, whichever and however', () => {
  const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_=.+/ %\n\u0000é'
  for (let at = 0; at < token.length; at++) {
    for (const other of alphabet) {
      if (other === token[at]) continue
      const changed = token.slice(0, at) + other + token.slice(at + 1)
      assert.ok('fault' in tokens.open('open', changed, now), changed)
    }
  }
})

test('a token with any one bit of its bytes changed is refused', () => {
  const bytes = Buffer.from(token, 'base64url')
  for (let bit = 0; bit < bytes.length * 8; bit++) {
    const changed = Buffer.from(bytes)
    changed[bit >> 3] = (changed[bit >> 3] ?? 0) ^ (1 << (bit & 7))
    assert.ok('fault' in tokens.open('open', changed.toString('base64url'), now), `bit ${bit}`)
  }
})

test('a token cut off, lengthened, doubled or made up is refused', () => {
  for (let length = 0; length < token.length; length++) {
    const { fault } = { fault: undefined, ...tokens.open('open', token.slice(0, length), now) }
    assert.ok(fault === 'malformed' || fault === 'bad_signature', `${length}: ${fault}`)
  }
  for (const text of [`${token}A`, token + token, `${token}=`, ` ${token}`, '', 'A'.repeat(3_000)])
    assert.ok('fault' in tokens.open('open', text, now), text.slice(0, 100))
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 100 }), bytes => {
      const text = Buffer.from([1, ...bytes]).toString('base64url')
      assert.ok('fault' in tokens.open('open', text, now))
    }),
    { numRuns: 500 },
  )
})

test('what is no token of ours, but of a scheme that names its algorithm, opens nothing', () => {
  const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url')
  for (const alg of ['none', 'None', 'HS256', 'RS256']) {
    const jwt = `${part({ alg, typ: 'JWT' })}.${part({ u: 'user-4711', exp: 4e9 })}.`
    assert.equal(tokens.open('open', jwt, now), { fault: 'malformed' })
  }
  // A signature of nothing, of the right length, and the key's own id.
  const bytes = Buffer.from(token, 'base64url')
  for (const fill of [0, 255]) {
    const unsigned = Buffer.concat([bytes.subarray(0, -16), Buffer.alloc(16, fill)])
    const opened = tokens.open('open', unsigned.toString('base64url'), now)
    assert.equal(opened, { fault: 'bad_signature' })
  }
  assert.equal(tokens.open('open', bytes.subarray(0, -16).toString('base64url'), now), {
    fault: 'bad_signature',
  })
})

test('words moved from one claim to the next make another token', () => {
  const signed = (claims: Record<string, string>) => tokens.sign('open', claims, later)
  assert.is.not(signed({ a: 'bc' }), signed({ ab: 'c' }))
  assert.is.not(signed({ a: 'b', c: 'd' }), signed({ a: 'bcd' }))
  assert.is.not(tokens.sign('opena', { b: 'c' }, later), tokens.sign('open', { ab: 'c' }, later))
})

test('words too long, half characters and impossible times are refused when signing', () => {
  assert.throws(() => tokens.sign('open', { u: 'x'.repeat(2_000) }, later), /2048 characters/)
  assert.throws(() => tokens.sign('open', { u: 'x'.repeat(20_000) }, later), /16383 bytes/)
  assert.throws(() => tokens.sign('open', { u: '\ud800' }, later), /half a character/)
  for (const time of [Number.NaN, -5_000, Number.POSITIVE_INFINITY])
    assert.throws(() => tokens.sign('open', {}, time), /1970 and 2106/)
})

test('after a rotation old tokens still open, and new ones are signed by the new key once it is time', () => {
  const [first] = secrets.keys
  secrets = rotated(secrets, now + 60_000)
  const before = tokens.sign('open', { u: '1' }, later)
  assert.is(keyIn(before), first?.id)
  const afterwards = createTokens(
    signingKeysOf(
      () => secrets,
      () => now + 60_000,
    ),
  )
  const after = afterwards.sign('open', { u: '1' }, later)
  assert.is(keyIn(after), secrets.keys[1]?.id)
  for (const each of [token, before, after]) assert.ok('claims' in tokens.open('open', each, now))
})

test('a token whose key is gone is refused as such, and one of other secrets by its signature', () => {
  const [first] = secrets.keys
  assert.ok(first)
  const others = newSigningSecrets(now)
  const elsewhere = createTokens(
    signingKeysOf(
      () => others,
      () => now,
    ),
  )
  const impostor = { ...others, keys: [{ ...first, secret: Buffer.alloc(32, 7) }] }
  const same = createTokens(
    signingKeysOf(
      () => impostor,
      () => now,
    ),
  )
  const [other] = others.keys
  if (other?.id !== first.id)
    assert.equal(elsewhere.open('open', token, now), { fault: 'unknown_key' })
  assert.equal(same.open('open', token, now), { fault: 'bad_signature' })
})

test('secrets come back from their file as they were, and at most 48 keys are kept', () => {
  let many = newSigningSecrets(now)
  for (let at = 1; at <= 60; at++) many = rotated(many, now + at)
  assert.is(many.keys.length, 48)
  assert.is(new Set(many.keys.map(({ id }) => id)).size, 48)
  const read = parseSigningFile(formatSigningFile(many), 'signing.json')
  assert.equal(formatSigningFile(read), formatSigningFile(many))
  const reader = createTokens(
    signingKeysOf(
      () => read,
      () => now + 60,
    ),
  )
  const writer = createTokens(
    signingKeysOf(
      () => many,
      () => now + 60,
    ),
  )
  assert.ok('claims' in reader.open('x', writer.sign('x', {}, later), now))
})

test.run()

function keyIn(text: string): number {
  return Buffer.from(text, 'base64url').readUInt16BE(1)
}
