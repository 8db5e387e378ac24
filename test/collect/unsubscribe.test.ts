import { addUnsubscribeRoutes } from '../../collect/unsubscribe.ts'
import { Problem } from '../../http/problem.ts'
import { assert, rejects, suite } from '../harness.ts'
import { linkWorld, pathOf, sentAt } from './link-world.ts'

const test = suite('one-click unsubscribe')
const mailing = { emailId: 'm-1', userId: 'u-1', campaignId: 'spring', list: 'weekly news' }
const urlencoded = { 'content-type': 'application/x-www-form-urlencoded' }
const oneClick = 'List-Unsubscribe=One-Click'

const open = (take?: Parameters<typeof linkWorld>[1]) =>
  linkWorld(door => addUnsubscribeRoutes(door, { keepIp: true }), take)

test('the headers are those of RFC 8058, and the link in them is opaque', async () => {
  const { app, links } = open()
  const headers = links.unsubscribeHeaders(mailing)
  assert.is(headers['List-Unsubscribe-Post'], 'List-Unsubscribe=One-Click')
  const link = headers['List-Unsubscribe'] ?? ''
  assert.match(link, /^<https:\/\/events\.shop\.example\/v1\/unsubscribe\/[\w-]+>$/)
  assert.not.match(link, /u-1|weekly|spring/)
  const long = 'ü'.repeat(128)
  await rejects(
    () => links.unsubscribeHeaders({ emailId: long, userId: long, list: long }),
    'too_long',
  )
  await app.close()
})

test('a post of a mail program unsubscribes, urlencoded or multipart, without a redirect', async () => {
  const { app, links, taken } = open()
  const url = pathOf(links.unsubscribeUrl(mailing))
  const multipart = [
    '--b1',
    'Content-Disposition: form-data; name="List-Unsubscribe"',
    '',
    'One-Click',
    '--b1--',
    '',
  ].join('\r\n')
  for (const [headers, payload] of [
    [urlencoded, oneClick],
    [{ 'content-type': 'multipart/form-data; boundary=b1' }, multipart],
    [{ 'content-type': 'text/plain' }, 'list-unsubscribe=one-click'],
  ] as const) {
    const answer = await app.inject({ method: 'POST', url, headers, payload })
    assert.is(answer.statusCode, 200)
    assert.is(answer.headers.location, undefined)
    assert.is(answer.headers['set-cookie'], undefined)
    const last = taken.pop()
    assert.equal(last?.event, {
      type: 'track',
      event: 'Unsubscribed',
      userId: 'u-1',
      properties: { email_id: 'm-1', campaign_id: 'spring', list_id: 'weekly news' },
      context: {},
    })
    assert.is(last?.arrival.source.name, 'email')
  }
  await app.close()
})

test('a GET never unsubscribes: it shows a button, which does', async () => {
  const { app, links, taken } = open()
  const list = '<b>"news" & more</b>'
  const url = pathOf(links.unsubscribeUrl({ ...mailing, list }))
  for (const method of ['GET', 'HEAD'] as const) {
    const page = await app.inject({ method, url })
    assert.is(page.statusCode, 200)
    assert.match(String(page.headers['cache-control']), 'no-store')
    if (method === 'HEAD') continue
    assert.match(page.body, '&lt;b&gt;&quot;news&quot; &amp; more&lt;/b&gt;')
    assert.match(
      page.body,
      '<form method="post"><input type="hidden" name="List-Unsubscribe" value="One-Click">',
    )
    assert.not.match(page.body, /<script|src=/)
  }
  assert.is(taken.length, 0)
  const headers = { ...urlencoded, accept: 'text/html' }
  const done = await app.inject({ method: 'POST', url, headers, payload: oneClick })
  assert.match(done.body, '<h1>You are unsubscribed</h1>')
  assert.is(taken.length, 1)
  await app.close()
})

test('a post that does not say one-click unsubscribes nobody', async () => {
  const { app, links, taken } = open()
  const url = pathOf(links.unsubscribeUrl(mailing))
  for (const payload of ['', 'List-Unsubscribe=', 'a=1', 'x'.repeat(90)])
    assert.is(
      (await app.inject({ method: 'POST', url, headers: urlencoded, payload })).statusCode,
      400,
    )
  const large = await app.inject({
    method: 'POST',
    url,
    headers: urlencoded,
    payload: 'x'.repeat(20_000),
  })
  assert.is(large.statusCode, 413)
  assert.is(taken.length, 0)
  await app.close()
})

test('with a token that is not good nobody is unsubscribed, and it is counted', async () => {
  const { app, tokens, taken, counted } = open()
  const click = tokens.sign('click', { u: 'u-1' }, sentAt + 1e9)
  for (const token of ['x', click])
    for (const method of ['GET', 'POST'] as const) {
      const url = `/v1/unsubscribe/${token}`
      const answer = await app.inject({ method, url, headers: urlencoded, payload: oneClick })
      assert.is(answer.statusCode, 404)
      assert.match(answer.body, 'This link does not work')
    }
  assert.is(taken.length, 0)
  assert.is(counted.length, 4)
  await app.close()
})

test('nobody is told that he is unsubscribed before that is safe', async () => {
  const { app, links } = open(async () => {
    throw new Problem(429, 'full', 'the spool is full', { 'retry-after': '5' })
  })
  const url = pathOf(links.unsubscribeUrl(mailing))
  const program = await app.inject({ method: 'POST', url, headers: urlencoded, payload: oneClick })
  assert.is(program.statusCode, 429)
  assert.is(program.headers['retry-after'], '5')
  assert.is(program.json().code, 'full')
  const headers = { ...urlencoded, accept: 'text/html,*/*' }
  const person = await app.inject({ method: 'POST', url, headers, payload: oneClick })
  assert.is(person.statusCode, 429)
  assert.match(person.body, 'try again in a minute')
  await app.close()
})

test.run()
