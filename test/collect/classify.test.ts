import { readFileSync } from 'node:fs'
import { type Classification, classifier, type Facts } from '../../collect/classify.ts'
import { createJudge, judgeAgain } from '../../collect/judge.ts'
import { rules202611 } from '../../collect/rules-2026-11.ts'
import { parseRuleset, type Ruleset } from '../../collect/ruleset.ts'
import { rulesetOf } from '../../collect/rulesets.ts'
import { assert, suite } from '../harness.ts'

const test = suite('machine or human')
const classify = classifier(rules202611)
const at = Date.UTC(2026, 10, 22, 10)
const chrome =
  'Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36'
const safari =
  'Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/15E148'
const gmailProxy =
  'Mozilla/5.0 (Windows NT 5.1; rv:11.0) Gecko Firefox/11.0 (via ggpht.com GoogleImageProxy)'
const gmailPrefetch =
  'Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/42.0.2311.135 Safari/537.36 Edge/12.246 Mozilla/5.0'

const open = (facts: Partial<Facts>) => classify({ kind: 'open', at, ip: '203.0.113.7', ...facts })
const click = (facts: Partial<Facts>) =>
  classify({ kind: 'click', method: 'GET', at, ip: '203.0.113.7', userAgent: chrome, ...facts })
const is = ({ verdict, reasons }: Classification, expected: string, reason?: string) => {
  assert.is(verdict, expected)
  assert.is(reasons[0], reason)
}

test('people with browsers and mail programs are human', () => {
  for (const userAgent of [
    chrome,
    safari,
    'Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Thunderbird/128.0',
    'Microsoft Office/16.0 (Windows NT 10.0; Microsoft Outlook 16.0.14326; Pro)',
    'Outlook-iOS/2.0',
  ]) {
    is(open({ userAgent }), 'human')
    is(click({ userAgent }), 'human')
  }
})

test('what Apple, Google and Yahoo fetch for people is told apart from people', () => {
  is(open({ userAgent: 'Mozilla/5.0' }), 'prefetch', 'apple_prefetch')
  is(open({ userAgent: safari, ip: '17.58.101.2' }), 'prefetch', 'apple_network')
  is(open({ userAgent: gmailPrefetch, ip: '66.249.84.1' }), 'prefetch', 'gmail_prefetch')
  is(open({ userAgent: gmailProxy }), 'proxy', 'image_proxy')
  is(open({ userAgent: chrome, ip: '66.249.84.1' }), 'proxy', 'google_network')
  is(open({ userAgent: 'YahooMailProxy; https://help.yahoo.com/x' }), 'proxy', 'image_proxy')
  is(open({ userAgent: chrome, ip: '::ffff:203.0.113.7' }), 'human')
})

test('security scanners show themselves by method, haste, greed, traps, networks and names', () => {
  is(click({ method: 'HEAD' }), 'scanner', 'method')
  is(click({ linksInLastSeconds: 3 }), 'scanner', 'many_links')
  is(click({ linksInLastSeconds: 2 }), 'human')
  is(click({ honeypot: true }), 'scanner', 'honeypot')
  is(click({ deliveredAt: at - 2_000 }), 'scanner', 'at_once')
  is(click({ deliveredAt: at + 500 }), 'scanner', 'at_once')
  is(click({ deliveredAt: at - 2_001 }), 'human')
  is(click({ ip: '104.47.1.9' }), 'scanner', 'microsoft_network')
  is(click({ userAgent: 'BarracudaCentral/1' }), 'scanner', 'security_product')
  is(click({ userAgent: '' }), 'scanner', 'no_user_agent')
  is(click({ userAgent: 'python-requests/2.31' }), 'scanner', 'robot')
  is(click({ userAgent: 'Mozilla/5.0' }), 'scanner', 'robot')
})

test('what a provider knows itself is believed, and what nobody knows speaks for a human', () => {
  is(open({ userAgent: chrome, flags: ['sendgrid:machine_open'] }), 'prefetch', 'provider_prefetch')
  is(open({ flags: ['mailgun:gmail'] }), 'proxy', 'provider_proxy')
  is(click({ flags: ['mandrill:robot'] }), 'scanner', 'provider_bot')
  is(open({}), 'human')
})

test('all reasons are told, the one that decided first', () => {
  const { verdict, reasons, ruleset } = click({
    honeypot: true,
    userAgent: 'curl/8',
    ip: 'garbage',
  })
  assert.equal([verdict, reasons, ruleset], ['scanner', ['honeypot', 'robot'], '2026-11'])
})

test('the ruleset names the isbot that it was made with, and reads as one from a file does', () => {
  const { dependencies } = JSON.parse(
    readFileSync(new URL('../../package.json', import.meta.url), 'utf8'),
  )
  const { source = '' } = rules202611.rules.find(({ reason }) => reason === 'robot') ?? {}
  assert.ok(
    source.includes(`isbot ${dependencies.isbot}`),
    'another isbot is another list of robots: make a ruleset with a new id',
  )
  assert.equal(parseRuleset(JSON.parse(JSON.stringify(rules202611))), rules202611)
})

test('rules that cannot be used are refused by place', () => {
  const wrong = (rule: unknown, message: RegExp) =>
    assert.throws(() => parseRuleset({ id: 'x', rules: [rule] }), message)
  const rule = { verdict: 'proxy', reason: 'r', source: 's', when: { honeypot: true } }
  wrong({ ...rule, verdict: 'bot' }, /rules\[0\]\.verdict: expected one of human, proxy/)
  wrong({ ...rule, when: {} }, /when: expected at least one condition/)
  wrong({ ...rule, when: { userAgent: '(' } }, /when\.userAgent: expected a regular expression/)
  wrong({ ...rule, when: { networks: ['17.0.0.0/33'] } }, /networks such as 17\.0\.0\.0\/8/)
  wrong({ ...rule, when: { ua: 'x' } }, /only kind, methods/)
  assert.throws(() => parseRuleset({ id: 'a b', rules: [] }), /id: expected/)
  assert.throws(() => parseRuleset([]), /the ruleset: expected an object/)
})

test('rules of one’s own can stand before those of Millrace', () => {
  const rule = {
    ...{ verdict: 'human', reason: 'our_office', source: 'a test' },
    when: { networks: ['203.0.113.0/24'] },
  }
  const own = rulesetOf({ id: 'shop-1', extends: '2026-11', rules: [rule] })
  const judged = classifier(own)({ kind: 'click', at, ip: '203.0.113.7', userAgent: 'curl/8' })
  assert.equal(judged, { verdict: 'human', reasons: ['our_office', 'robot'], ruleset: 'shop-1' })
  assert.is(rulesetOf({ id: 'shop-1', rules: [rule] }).rules.length, 1)
  const wrong = (value: object, message: RegExp) => assert.throws(() => rulesetOf(value), message)
  wrong({ id: 'shop-1', extends: '2020', rules: [] }, /extends: expected one of 2026-11/)
  wrong({ id: '2026-11', extends: '2026-11', rules: [] }, /id: 2026-11 are Millrace's own/)
})

test('a burst of clicks in one message is seen, of which the first came alone', () => {
  const judge = createJudge()
  const one = (link: string, ms: number, message = 'm1') =>
    judge.classifyRequest({
      kind: 'click',
      at: at + ms,
      message,
      link,
      method: 'GET',
      userAgent: chrome,
    }).classification.verdict
  assert.is(one('/a', 0), 'human')
  assert.is(one('/a', 100), 'human')
  assert.is(one('/b', 200), 'human')
  assert.is(one('/x', 250, 'm2'), 'human')
  assert.is(one('/c', 300), 'scanner')
  assert.is(one('/d', 60_000), 'human')
})

test('a delivery that is remembered dates the opens after it', () => {
  const judge = createJudge()
  judge.delivered('m1', at)
  const opened = (ms: number) =>
    judge.classifyRequest({ kind: 'open', at: at + ms, message: 'm1', userAgent: safari })
  assert.equal(opened(1_000).classification.reasons, ['at_once'])
  const later = opened(90_000)
  assert.is(later.classification.verdict, 'human')
  assert.equal(later.engagement, { kind: 'open', at: at + 90_000, deliveredAt: at })
  assert.is(later.userAgent, safari)
})

test('what is remembered is bounded: after 50,000 other messages a delivery is forgotten', () => {
  const judge = createJudge()
  judge.delivered('m1', at)
  for (let other = 0; other < 50_000; other++) judge.delivered(`other ${other}`, at)
  const { engagement } = judge.classifyRequest({ kind: 'open', at: at + 1, message: 'm1' })
  assert.is(engagement.deliveredAt, undefined)
})

test('another ruleset judges the same facts again, and the event tells which one it was', () => {
  const judge = createJudge()
  const context = judge.classifyRequest({ kind: 'click', at, ip: '198.51.100.9', userAgent: '' })
  const event = { type: 'track', event: 'Email Link Clicked', context: { ...context, app: 'x' } }
  assert.is(context.classification.verdict, 'scanner')
  assert.equal(judgeAgain(event, classify), event)

  const rules: Ruleset = {
    id: '2027-01',
    rules: [
      {
        verdict: 'proxy',
        reason: 'new_proxy',
        source: 'a test',
        when: { networks: ['198.51.100.0/24'], noUserAgent: true },
      },
    ],
  }
  const again = judgeAgain(event, classifier(rules))
  assert.equal(again, {
    ...event,
    context: {
      ...event.context,
      classification: { verdict: 'proxy', reasons: ['new_proxy'], ruleset: '2027-01' },
    },
  })
  assert.is(judgeAgain({ type: 'track', context: {} }, classify), undefined)
  assert.is(
    judgeAgain({ type: 'track', context: { engagement: { kind: 'x' } } }, classify),
    undefined,
  )
})

test.run()
