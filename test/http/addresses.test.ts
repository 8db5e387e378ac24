import { addressFault, addressRule } from '../../http/addresses.ts'
import { isLoopbackOrigin, originFault, originRule } from '../../http/origins.ts'
import { assert, suite } from '../harness.ts'

const test = suite('addresses and origins')

test('an address is in its network, in whichever spelling it comes', () => {
  const rule = addressRule(['10.1.0.0/16', '192.0.2.7', '2001:db8::/32', '::1'])
  const inside = ['10.1.0.0', '10.1.255.255', '::ffff:10.1.2.3', '::FFFF:192.0.2.7', '192.0.2.7']
  for (const address of [...inside, '2001:db8::1', '2001:0DB8:ffff::', '::1', '2001:db8::1%eth0'])
    assert.ok(rule(address), address)
  const outside = ['10.2.0.0', '10.0.255.255', '192.0.2.8', '2001:db9::', '::2', '::ffff:10.2.0.0']
  for (const address of [...outside, '', 'localhost', '10.1', '010.1.0.0', '10.1.0.0/16', 'x'])
    assert.not(rule(address), address)
})

test('no network lets nobody in, and /0 everybody of its family', () => {
  assert.not(addressRule([])('127.0.0.1'))
  const all = addressRule(['0.0.0.0/0'])
  assert.ok(all('203.0.113.9'))
  assert.not(all('2001:db8::1'))
})

test('what is no network is told', () => {
  for (const right of ['10.0.0.0/8', '10.0.0.7', '::1', '2001:db8::/32', '::/0', '0.0.0.0/0'])
    assert.is(addressFault(right), undefined)
  const wrong = [
    '',
    '10.0.0',
    '10.0.0.0/33',
    '10.0.0.0/',
    '10.0.0.0/8/8',
    '10.0.0.0/-1',
    '::1/129',
    'fe80::1%eth0',
    'localhost',
    '*',
  ]
  for (const text of wrong) assert.match(addressFault(text) ?? '', /such as 10\.0\.0\.0\/8/)
})

test('an origin is allowed as a whole, and below a name only where a star says so', () => {
  const rule = originRule([
    'https://shop.example',
    'https://*.shop.example',
    'http://dev.example:*',
    'https://b.example:443',
  ])
  const allowed = [
    'https://shop.example',
    'https://www.shop.example',
    'https://a.b.shop.example',
    'http://dev.example',
    'http://dev.example:3000',
    'https://b.example',
  ]
  for (const origin of allowed) assert.ok(rule(origin), origin)
  const refused = [
    'http://shop.example',
    'https://shop.example:8443',
    'https://shop.example.evil.example',
    'https://evilshop.example',
    'https://evil.example/.shop.example',
    'https://.shop.example',
    'https://shopXexample',
    'https://shop.example\n',
    'https://dev.example:3000',
    'http://localhost',
    'null',
    '',
    `https://${'a.'.repeat(5_000)}shop.example`,
  ]
  for (const origin of refused) assert.not(rule(origin), origin.slice(0, 80))
})

test('loopback means every page of this machine, and no page that only looks like one', () => {
  const rule = originRule(['loopback'])
  for (const origin of [
    'http://localhost:3000',
    'http://127.0.0.1:8080',
    'http://127.9.9.9',
    'https://[::1]:1',
  ])
    assert.ok(rule(origin), origin)
  const refused = [
    'http://localhost.evil.example',
    'http://127.0.0.1.evil.example',
    'null',
    'file://',
    'http://10.0.0.1',
  ]
  for (const origin of refused) assert.not(rule(origin), origin)
  assert.not(isLoopbackOrigin('localhost'))
})

test('what is no origin is told', () => {
  for (const right of ['loopback', 'https://x.example', 'capacitor://localhost', 'http://[::1]:*'])
    assert.is(originFault(right), undefined)
  for (const wrong of [
    '*',
    'x.example',
    'https://X.example',
    'https://x.example/',
    'https://*',
    'https://a.*.example',
    'null',
    'https://u:p@x.example',
  ])
    assert.match(originFault(wrong) ?? '', /such as https:/, wrong)
})

test.run()
