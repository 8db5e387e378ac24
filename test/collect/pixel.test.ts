import { createJudge } from '../../collect/judge.ts'
import { addPixelRoutes } from '../../collect/pixel.ts'
import { defaultLimits, refuseOverLimits } from '../../http/limits.ts'
import { Problem } from '../../http/problem.ts'
import { assert, suite } from '../harness.ts'
import { type LinkWorld, linkWorld, pathOf, sentAt, type Taken, verdictOf } from './link-world.ts'

const test = suite('tracking pixel')
const nobody: Partial<Taken> = {}
const mailing = { emailId: 'm-1', userId: 'u-1', campaignId: 'spring' }
const phone = 'Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) AppleWebKit/605.1.15'

const open = (take?: Parameters<typeof linkWorld>[1]) =>
  linkWorld(door => addPixelRoutes(door, { judge: createJudge(), keepIp: true }), take)

test('an open becomes "Email Opened" of the person and the email that the token names', async () => {
  const world = open()
  const { app, taken } = world
  const headers = { 'user-agent': phone }
  const url = pathOf(world.links.pixelUrl(mailing))
  const answer = await app.inject({ url, headers, remoteAddress: '203.0.113.9' })
  assertImage(answer)
  assert.is(taken.length, 1)
  const { event, arrival } = taken[0] ?? nobody
  assert.equal(event, {
    type: 'track',
    event: 'Email Opened',
    userId: 'u-1',
    properties: { email_id: 'm-1', campaign_id: 'spring' },
    context: {
      ip: '203.0.113.9',
      userAgent: phone,
      classification: { verdict: 'human', reasons: [], ruleset: '2026-11' },
      engagement: { kind: 'open', method: 'GET', at: sentAt + 60_000, deliveredAt: sentAt },
    },
  })
  assert.equal(arrival?.source, { name: 'email', requireConsent: false })
  assert.is(arrival?.ip, '203.0.113.9')
  await app.close()
})

test('where addresses are left out the pixel leaves them out', async () => {
  const judge = createJudge()
  const { app, links, taken } = linkWorld(door => addPixelRoutes(door, { judge, keepIp: false }))
  await app.inject({ url: pathOf(links.pixelUrl(mailing)), remoteAddress: '203.0.113.9' })
  assert.not.match(JSON.stringify(taken), '203.0.113.9')
  await app.close()
})

test('a HEAD is answered without a body, taken, and judged as a scanner', async () => {
  const world = open()
  const url = pathOf(world.links.pixelUrl({ emailId: 'm-2', anonymousId: 'a-2' }))
  const answer = await world.app.inject({ method: 'HEAD', url, headers: { 'user-agent': phone } })
  assert.is(answer.statusCode, 200)
  assert.is(answer.body, '')
  assert.is(world.taken[0]?.event.anonymousId, 'a-2')
  assert.is(verdictOf(world.taken[0]), 'scanner')
  await world.app.close()
})

test('a URL or a head beyond what requests may have gets the image, too', async () => {
  const { app, links, taken } = open()
  refuseOverLimits(app, defaultLimits)
  const url = pathOf(links.pixelUrl(mailing))
  assertImage(await app.inject({ url: `${url}&more=${'x'.repeat(defaultLimits.urlCharsMax)}` }))
  const names = Array.from({ length: defaultLimits.headersMax + 1 }, (_, at) => `x-${at}`)
  assertImage(
    await app.inject({ url, headers: Object.fromEntries(names.map(name => [name, '1'])) }),
  )
  assert.is(taken.length, 0)
  await app.close()
})

test('without a good token the image comes all the same; it is counted, and nothing is taken', async () => {
  const world = open()
  const { app, links, tokens, taken, counted } = world
  const good = links.pixelUrl(mailing)
  const expired = tokens.sign('open', { e: 'm', u: 'u' }, sentAt)
  const click = tokens.sign('click', { e: 'm', u: 'u' }, sentAt + 1e9)
  const bad = [
    ['/v1/pixel.gif', 'malformed'],
    ['/v1/pixel.gif?t=', 'malformed'],
    ['/v1/pixel.gif?t=%00%ff', 'malformed'],
    [`/v1/pixel.gif?t=${'x'.repeat(7_000)}`, 'malformed'],
    [`${pathOf(good)}&t=again`, 'malformed'],
    [`/v1/pixel.gif?t=${click}`, 'other_purpose'],
    [`/v1/pixel.gif?t=${expired}`, 'expired'],
    [pathOf(good).replace(/.$/, last => (last === 'A' ? 'Q' : 'A')), 'bad_signature'],
  ]
  for (const [url = '', reason] of bad) {
    assertImage(await app.inject(url))
    const last = counted.at(-1)
    assert.is(last, `millrace_signed_links_refused {"route":"pixel","reason":"${reason}"}`, url)
  }
  assert.is(taken.length, 0)
  await app.close()
})

test('what cannot be kept is counted, and the image comes', async () => {
  const world = open(async () => {
    throw new Problem(429, 'full', 'the spool is full', { 'retry-after': '5' })
  })
  assertImage(await world.app.inject(pathOf(world.links.pixelUrl(mailing))))
  assert.equal(world.counted, ['millrace_signed_events_lost {"route":"pixel"}'])
  await world.app.close()
})

test('a slow broker is not waited for; what it refuses later is counted, too', async () => {
  let refuse: (error: Error) => void = () => undefined
  const world: LinkWorld = open(
    () =>
      new Promise((_resolve, reject) => {
        refuse = reject
      }),
  )
  const from = performance.now()
  assertImage(await world.app.inject(pathOf(world.links.pixelUrl(mailing))))
  assert.ok(performance.now() - from > 100, 'it waits for a moment')
  assert.equal(world.counted, [])
  refuse(new Error('the broker is gone'))
  await world.clock.turn()
  assert.equal(world.counted, ['millrace_signed_events_lost {"route":"pixel"}'])
  await world.app.close()
})

test.run()

function assertImage(answer: Awaited<ReturnType<LinkWorld['app']['inject']>>): void {
  assert.is(answer.statusCode, 200)
  assert.is(answer.headers['content-type'], 'image/gif')
  assert.match(String(answer.headers['cache-control']), /no-store.*no-cache.*private/)
  assert.is(answer.rawPayload.length, 42)
  assert.is(answer.rawPayload.toString('latin1', 0, 6), 'GIF89a')
}
