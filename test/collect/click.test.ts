import { addClickRoutes } from '../../collect/click.ts'
import { createJudge } from '../../collect/judge.ts'
import { checkTarget } from '../../http/email-links.ts'
import { Problem } from '../../http/problem.ts'
import { assert, rejects, suite } from '../harness.ts'
import { linkWorld, pathOf, sentAt, verdictOf } from './link-world.ts'

const test = suite('click links')
const mailing = { emailId: 'm-1', userId: 'u-1', campaignId: 'spring' }
const target = 'https://shop.example/sale?size=9&utm_source=mail#top'

const open = (take?: Parameters<typeof linkWorld>[1]) =>
  linkWorld(door => addClickRoutes(door, { judge: createJudge(), keepIp: true }), take)

test('a click is taken and goes on to the signed target, which learns nothing of the token', async () => {
  const { app, links, taken } = open()
  const answer = await app.inject(pathOf(links.clickUrl(mailing, { target, linkId: 'header' })))
  assert.is(answer.statusCode, 302)
  assert.is(answer.headers.location, target)
  assert.is(answer.headers['referrer-policy'], 'no-referrer')
  assert.match(String(answer.headers['cache-control']), 'no-store')
  const event = taken[0]?.event ?? {}
  assert.is(event.event, 'Email Link Clicked')
  assert.is(event.userId, 'u-1')
  assert.equal(event.properties, {
    email_id: 'm-1',
    campaign_id: 'spring',
    link_id: 'header',
    link_url: target,
  })
  const { engagement } = event.context as { engagement: object }
  assert.equal(engagement, {
    kind: 'click',
    method: 'GET',
    at: sentAt + 60_000,
    deliveredAt: sentAt,
    linksInLastSeconds: 1,
  })
  await app.close()
})

test('links of one email in one moment are counted of each reader alone', async () => {
  const { app, links, taken } = open()
  const followed = ['u-1', 'u-1', 'u-2'].map((userId, at) =>
    links.clickUrl({ emailId: 'm-1', userId }, { target: `https://shop.example/${at}` }),
  )
  for (const link of followed) await app.inject(pathOf(link))
  const counts = taken.map(({ event }) => {
    const { engagement } = event.context as { engagement: { linksInLastSeconds: number } }
    return engagement.linksInLastSeconds
  })
  assert.equal(counts, [1, 2, 1])
  await app.close()
})

test('who follows the link that nobody sees is a scanner', async () => {
  const { app, links, taken } = open()
  const url = pathOf(links.clickUrl(mailing, { target, isTrap: true }))
  await app.inject({ url, headers: { 'user-agent': 'Mozilla/5.0' } })
  assert.is(verdictOf(taken[0]), 'scanner')
  await app.close()
})

test('nobody can make it lead elsewhere: without a good token there is a page, and no redirect', async () => {
  const { app, links, tokens, taken } = open()
  const good = pathOf(links.clickUrl(mailing, { target }))
  const later = sentAt + 1e9
  for (const url of [
    '/v1/click',
    '/v1/click?t=https://evil.example',
    `${good}x`,
    `${good}&t=https://evil.example`,
    `/v1/click?t=${tokens.sign('open', { u: 'u', to: 'https://evil.example' }, later)}`,
    `/v1/click?t=${tokens.sign('click', { u: 'u', to: target }, sentAt)}`,
    `/v1/click?t=${tokens.sign('click', { u: 'u' }, later)}`,
    `/v1/click?t=${tokens.sign('click', { u: 'u', to: 'javascript:alert(1)' }, later)}`,
    `/v1/click?t=${tokens.sign('click', { u: 'u', to: '//evil.example' }, later)}`,
  ]) {
    const answer = await app.inject(url)
    assert.is(answer.statusCode, 404, url)
    assert.is(answer.headers.location, undefined)
    assert.is(answer.headers['content-type'], 'text/html; charset=utf-8')
    assert.not.match(answer.body, 'evil')
  }
  assert.is((await app.inject(`${good}&to=https://evil.example`)).headers.location, target)
  assert.is(taken.length, 1)
  await app.close()
})

test('only whole http and https URLs without a user are signed', async () => {
  const { app, links } = open()
  for (const target of [
    'javascript:alert(1)',
    'data:text/html,x',
    'ftp://shop.example/',
    '/sale',
    'shop.example',
    '',
    'https://bank.example@evil.example/',
    'https://:secret@shop.example/',
    `https://shop.example/${'x'.repeat(1_200)}`,
  ])
    await rejects(() => links.clickUrl(mailing, { target }), 'bad_target')
  assert.is(
    checkTarget('https://shop.example/a b\r\nSet-Cookie: x'),
    'https://shop.example/a%20bSet-Cookie:%20x',
  )
  assert.is(checkTarget('https://bücher.example/ä'), 'https://xn--bcher-kva.example/%C3%A4')
  await rejects(() => links.clickUrl({ emailId: 'm' }, { target }), 'bad_mailing')
  const long = { emailId: 'm'.repeat(256), userId: 'u'.repeat(256) }
  const far = `https://shop.example/${'x'.repeat(1_100)}`
  await rejects(() => links.clickUrl(long, { target: far }), 'too_long')
  await rejects(() => links.pixelUrl({ emailId: 'm'.repeat(300), userId: 'u' }), 'bad_mailing')
  await app.close()
})

test('a person gets on within a moment although nothing can be kept, or the broker hangs', async () => {
  const full = open(async () => {
    throw new Problem(429, 'full', 'the spool is full')
  })
  const answer = await full.app.inject(pathOf(full.links.clickUrl(mailing, { target })))
  assert.is(answer.headers.location, target)
  assert.equal(full.counted, ['millrace_signed_events_lost {"route":"click"}'])
  await full.app.close()

  const hanging = open(() => new Promise(() => undefined))
  assert.is(
    (await hanging.app.inject(pathOf(hanging.links.clickUrl(mailing, { target })))).statusCode,
    302,
  )
  await hanging.app.close()
})

test.run()
