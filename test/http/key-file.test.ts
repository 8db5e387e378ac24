import { formatKeyFile, type KeyEntry, parseKeyFile } from '../../http/key-file.ts'
import { devKeys, equalSecrets, hashOf, keysOf, newSecret } from '../../http/keys.ts'
import { parseSigningFile } from '../../http/signing-file.ts'
import { assert, suite } from '../harness.ts'

const test = suite('keys and their file')

const secret = newSecret('write')
const entry: KeyEntry = {
  key: {
    name: 'shop-web',
    action: 'write',
    origins: ['https://shop.example', 'https://*.shop.example', 'http://localhost:*'],
    addresses: ['10.0.0.0/8', '2001:db8::1'],
    perSecond: 100,
    requireConsent: true,
  },
  hashes: [hashOf(secret)],
  created: '2026-11-22',
}
const right = { name: 'a', action: 'write', hashes: [hashOf('a')], created: '2026-11-22' }

test('a secret is long, random, and says what it is for', () => {
  assert.match(newSecret('write'), /^mr_w_[0-9a-f]{40}$/)
  assert.match(newSecret('read'), /^mr_r_[0-9a-f]{40}$/)
  assert.match(newSecret('admin'), /^mr_a_[0-9a-f]{40}$/)
  assert.is.not(newSecret('read'), newSecret('read'))
})

test('a key is found by its secrets, and by nothing near them', () => {
  const keys = keysOf([{ key: entry.key, hashes: [hashOf(secret), hashOf('the next')] }])
  assert.is(keys.find(secret), entry.key)
  assert.is(keys.find('the next'), entry.key)
  const wrong = [
    '',
    ' ',
    secret.slice(1),
    `${secret} `,
    secret.toUpperCase(),
    hashOf(secret),
    'x'.repeat(1e6),
  ]
  for (const other of wrong) assert.is(keys.find(other), undefined)
})

test('without a file, the key is dev', () => {
  assert.is(devKeys.find('dev')?.action, 'write')
  assert.is(devKeys.find(''), undefined)
})

test('secrets are compared by their hashes, so that the time tells not even their lengths', () => {
  assert.ok(equalSecrets('grüße', 'grüße'))
  for (const other of ['', 'grüß', 'grüße ', 'x']) assert.not(equalSecrets(other, 'grüße'))
})

test('a file holds the hashes of secrets, never the secrets, and reads as it was written', () => {
  const text = formatKeyFile([entry])
  assert.not.match(text, secret)
  assert.equal(parseKeyFile(text, 'keys.json'), [entry])
})

test('a wrong file is told with the field, and with what was expected', () => {
  const wrong: [unknown, RegExp][] = [
    [[], /keys\.json: the whole is an object with keys, not a list of 0/],
    [{}, /keys is a list, not left out/],
    [{ keys: [], key: 1 }, /there is no field "key": known are keys/],
    [{ keys: {} }, /keys is a list of at most 10000, not an object/],
    [keys({ name: 'a b' }), /keys\[0\]\.name is 1 to 64 letters/],
    [keys({ action: 'all' }), /keys\[0\]\.action is "write", "read" or "admin"/],
    [keys({ action: 'admin', fields: ['a'] }), /says nothing for a key to admin: take it out/],
    [keys({ orgins: ['https://x.example'] }), /keys\[0\]: there is no field "orgins".*origins/],
    [
      keys({ origins: ['https://x.example/'] }),
      /keys\[0\]\.origins\[0\] is an origin.*without a path.*not "https:\/\/x/,
    ],
    [keys({ origins: ['*'] }), /origins\[0\] is an origin/],
    [
      keys({ addresses: ['10.0.0.0/8', '10.0.0.0/33'] }),
      /addresses\[1\] is an address or a network.*"10\.0\.0\.0\/33"/,
    ],
    [keys({ addresses: ['::ffff:10.0.0.0/104'] }), /IPv4 network in its own spelling/],
    [keys({ addresses: '10.0.0.0/8' }), /addresses is a list of at most 1000, not "10/],
    [keys({ perSecond: 0 }), /perSecond is a whole number from 1 to 1000000, not 0/],
    [keys({ perSecond: 1.5 }), /perSecond is a whole number/],
    [keys({ requireConsent: 'yes' }), /requireConsent is true or false/],
    [keys({ budgetMs: 5 }), /budgetMs says nothing for a key to write/],
    [
      keys({ action: 'read', requireConsent: true }),
      /requireConsent says nothing for a key to read/,
    ],
    [keys({ action: 'read', fields: ['a,b'] }), /fields\[0\] is a feature's name/],
    [keys({ hashes: [] }), /hashes is a list of 1 to 2/],
    [
      keys({ hashes: [secret] }),
      /hashes\[0\] is a hash.*millrace keys add.*not a text of 45 characters/,
    ],
    [keys({ created: 'today' }), /created is a date/],
    [{ keys: [right, right] }, /two keys have the same name \(a\)/],
    [{ keys: [right, { ...right, name: 'b' }] }, /two keys have the same secret: take one out/],
  ]
  for (const [value, expected] of wrong) {
    const text = JSON.stringify(value)
    assert.throws(() => parseKeyFile(text, 'keys.json'), expected, text)
    assert.throws(
      () => parseKeyFile(text, 'keys.json'),
      (error: Error) => !error.message.includes(secret),
    )
  }
})

test('what is no JSON is told with its line, and without what stands there', () => {
  const text = formatKeyFile([entry]).replace('"addresses": [', `"addresses": [ ${secret}`)
  const line = text.slice(0, text.indexOf(secret)).split('\n').length
  const told = (error: Error) =>
    error.message.includes(`line ${line}`) && !error.message.includes('mr_w_')
  assert.throws(() => parseKeyFile(text, 'keys.json'), told)
  const faults: [string, RegExp][] = [
    ['', /line 1, column 1$/],
    ['{\n "keys": [\n', /line 3, column 1$/],
    ['{\n "keys": [],\n}', /line 3, column 1$/],
    ['{\n "keys" []}', /line 2, column 9$/],
    ['{ "keys": [1 2] }', /line 1, column 14$/],
    ['{ "keys": [] } x', /line 1, column 16$/],
    ["{ 'keys': [] }", /line 1, column 3$/],
    ['{ "keys": [01] }', /line 1, column 13$/],
    ['{ "keys": "a\nb" }', /line 1, column 11$/],
    ['['.repeat(100_000), /line 1, column \d+$/],
  ]
  for (const [wrong, place] of faults) assert.throws(() => parseKeyFile(wrong, 'k'), place)
})

test('a wrong file of signing keys is told with the field, and never with a secret', () => {
  const bytes = Buffer.alloc(32, 1).toString('base64url')
  const key = { id: 1, secret: bytes, signsFrom: '2026-11-22T10:00:00Z' }
  const file = { keys: [key], addressSecret: bytes }
  const wrong: [unknown, RegExp][] = [
    [{ ...file, keys: [] }, /keys is a list of at least one key/],
    [
      { ...file, addressSecret: undefined },
      /addressSecret is 32 random bytes in base64url, not left out/,
    ],
    [
      { ...file, keys: [{ ...key, secret: `${bytes}AAAA` }] },
      /keys\[0\]\.secret is 32 random bytes.*a text of 47/,
    ],
    [
      { ...file, keys: [{ ...key, id: 70_000 }] },
      /keys\[0\]\.id is a whole number from 0 to 65535/,
    ],
    [{ ...file, keys: [{ ...key, signsFrom: '2026-13-01T00:00:00Z' }] }, /signsFrom is a time/],
    [{ ...file, keys: [key, key] }, /keys with an id each/],
  ]
  for (const [value, expected] of wrong)
    assert.throws(() => parseSigningFile(JSON.stringify(value), 'signing.json'), expected)
})

test.run()

function keys(fields: object): object {
  return { keys: [{ ...right, ...fields }] }
}
