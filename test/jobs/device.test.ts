import { deviceOf } from '../../jobs/device.ts'
import { assert, suite } from '../harness.ts'

const test = suite('device')

const webkit = 'AppleWebKit/537.36 (KHTML, like Gecko)'
const apple = 'AppleWebKit/605.1.15 (KHTML, like Gecko)'
const told = (userAgent: unknown) => {
  const { kind, os } = deviceOf(userAgent)
  return `${kind} ${os}`
}

test('browsers are told by their device and system', () => {
  const expected: Record<string, string> = {
    [`Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) ${apple} Version/17.5 Mobile/15E148 Safari/604.1`]:
      'mobile ios',
    [`Mozilla/5.0 (iPad; CPU OS 12_2 like Mac OS X) ${apple} Version/12.1 Mobile/15E148 Safari/604.1`]:
      'tablet ios',
    [`Mozilla/5.0 (Linux; Android 10; K) ${webkit} Chrome/126.0.0.0 Mobile Safari/537.36`]:
      'mobile android',
    [`Mozilla/5.0 (Linux; Android 13; SM-X906C) ${webkit} Chrome/126.0.0.0 Safari/537.36`]:
      'tablet android',
    [`Mozilla/5.0 (Windows NT 10.0; Win64; x64) ${webkit} Chrome/126.0.0.0 Safari/537.36`]:
      'desktop windows',
    [`Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) ${apple} Version/17.5 Safari/605.1.15`]:
      'desktop macos',
    'Mozilla/5.0 (X11; Linux x86_64; rv:127.0) Gecko/20100101 Firefox/127.0': 'desktop linux',
    [`Mozilla/5.0 (X11; CrOS x86_64 14541.0.0) ${webkit} Chrome/126.0.0.0 Safari/537.36`]:
      'desktop chromeos',
    [`Mozilla/5.0 (SMART-TV; Linux; Tizen 6.0) ${webkit} Version/6.0 TV Safari/537.36`]:
      'unknown other',
  }
  for (const [userAgent, answer] of Object.entries(expected))
    assert.is(told(userAgent), answer, userAgent)
})

test('a crawler, a library and a browser without a screen are bots, also when they claim to be a phone', () => {
  for (const userAgent of [
    'Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)',
    `Mozilla/5.0 (Linux; Android 6.0.1; Nexus 5X) ${webkit} Chrome/126.0.0.0 Mobile Safari/537.36 (compatible; Googlebot/2.1)`,
    `Mozilla/5.0 (X11; Linux x86_64) ${webkit} HeadlessChrome/126.0.0.0 Safari/537.36`,
    'curl/8.5.0',
    'python-requests/2.32.3',
  ])
    assert.is(deviceOf(userAgent).kind, 'bot', userAgent)
})

test('a mail provider that fetches an image is no device of the reader', () => {
  for (const userAgent of [
    'Mozilla/5.0 (Windows NT 5.1; rv:11.0) Gecko Firefox/11.0 (via ggpht.com GoogleImageProxy)',
    'YahooMailProxy; https://help.yahoo.com/kb/yahoo-mail-proxy-SLN28749.html',
    'Mozilla/5.0',
    ' Mozilla/5.0 ',
  ])
    assert.is(deviceOf(userAgent).kind, 'email-proxy', userAgent)
})

test('what is no text, or says nothing, is unknown', () => {
  for (const userAgent of [undefined, null, 7, {}, '', '   '])
    assert.is(deviceOf(userAgent).kind, 'unknown', String(userAgent))
})

test('the same text has the same answer, before and after it was forgotten, and nobody can change it', () => {
  const phone = `Mozilla/5.0 (Linux; Android 10; K) ${webkit} Chrome/126.0.0.0 Mobile Safari/537.36`
  const first = deviceOf(phone)
  assert.is(deviceOf(phone), first)
  assert.ok(Object.isFrozen(first))
  for (let i = 0; i < 2_000; i++) deviceOf(`x${i}`)
  assert.is.not(deviceOf(phone), first) // so the cache is bounded
  assert.equal(deviceOf(phone), first)
})

test('a text of a million characters is read as far as the device is in it', () => {
  const phone = `Mozilla/5.0 (Linux; Android 10; K) ${webkit} Chrome/126.0.0.0 Mobile Safari/537.36`
  assert.is(told(`${phone} ${'a/1.0 ('.repeat(150_000)}`), 'mobile android')
})

test.run()
