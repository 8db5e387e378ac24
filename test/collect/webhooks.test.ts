import type { LightMyRequestResponse } from 'fastify'
import { addressesOf } from '../../collect/address.ts'
import { createJudge } from '../../collect/judge.ts'
import { SinkFull } from '../../collect/sink.ts'
import type { Fetch } from '../../collect/sns-certificates.ts'
import { toleranceMs } from '../../collect/webhook-verify.ts'
import { assert, suite } from '../harness.ts'
import { DoorWorld, NOW } from './door-world.ts'
import { examples } from './webhook-examples.ts'
import { ADDRESS, AT, leftOut } from './webhook-raw.ts'
import { type Sent, senders, snsCertificate, WRONG } from './webhook-senders.ts'

const test = suite('webhooks')
const addresses = addressesOf('a secret of thirty-two bytes, or more')
const fetch: Fetch = async () => new Response(snsCertificate.pem)

function world(judge = createJudge()) {
  const webhooks = Object.values(senders).map(({ entry }) => entry)
  return new DoorWorld({ judge, webhooks: { webhooks, addresses, fetch } })
}

function post(
  { app }: DoorWorld,
  { url, payload, headers }: Sent,
): Promise<LightMyRequestResponse> {
  return app.inject({ method: 'POST', url, payload, headers })
}

for (const [name, sender] of Object.entries(senders)) {
  const { entry } = sender
  const { repeatMs } = entry.provider
  const [first] = examples[name] ?? []
  const good = [first?.raw ?? {}]

  test(`${name}: each kind of event becomes what Segment calls it, of the user that the mail was sent with`, async () => {
    // All at one moment, in which only the first could be a human's.
    const doors = world({ ...createJudge(), delivered: () => undefined })
    for (const { raw, event, properties = {}, verdict } of examples[name] ?? []) {
      const answer = await post(doors, sender.send([raw], NOW))
      assert.is(answer.statusCode, 200, answer.body)
      const taken = doors.events.at(-1)
      const what = `${event} of ${JSON.stringify(raw)}`
      assert.is(taken?.event, event, what)
      assert.match(taken?.userId ?? '', /^(u-7|111|1)$/)
      assert.is(taken?.anonymousId, undefined)
      // SES does not date what it rejects.
      const at = raw.eventType === 'Reject' ? NOW : AT
      assert.is(Math.floor((taken?.timestamp ?? 0) / 1000), at / 1000, what)
      for (const [field, value] of Object.entries(properties))
        assert.is(taken?.properties[field], value, what)
      const classification = taken?.context.classification as { verdict: string } | undefined
      assert.is(classification?.verdict, verdict, what)
      assert.ok(taken?.messageId.startsWith(`${name}:`))
    }
    assert.is(doors.events.length, examples[name]?.length)
    assert.is(new Set(doors.events.map(({ messageId }) => messageId)).size, doors.events.length)
    assert.equal(doors.rejected, [])
    const all = Buffer.concat(doors.raw).toString('latin1').toLowerCase()
    assert.not.ok(all.includes(ADDRESS.toLowerCase()), 'no address is in an event')
  })

  test(`${name}: what is no event for us is answered 200 and left out`, async () => {
    const doors = world()
    for (const raw of leftOut[name] ?? []) {
      const answer = await post(doors, sender.send([raw], NOW))
      assert.is(answer.statusCode, 200, `${JSON.stringify(raw)}: ${answer.body}`)
      assert.is(answer.json().left_out, 1)
    }
    assert.equal(doors.records, [])
  })

  test(`${name}: a wrong signature, or none, is refused as the provider takes it`, async () => {
    const doors = world()
    const sent = sender.send(good, NOW)
    const wrong = [
      sender.send(good, NOW, WRONG),
      { ...sent, headers: { 'content-type': 'text/plain' }, url: sent.url.replace(/\?.*/, '') },
    ]
    // Mailgun's signature does not cover the event, and the others' are not over the body at all.
    if (!['mailgun', 'mailchimp', 'postmark', 'sparkpost'].includes(name))
      wrong.push({ ...sent, payload: sent.payload.replace(/ob\.B/, 'ob.C') })
    // These two have the signature in the body.
    if (['mailgun', 'ses'].includes(name)) wrong.splice(1, 1, { ...sent, payload: '{"a":1}' })
    for (const each of wrong) {
      const answer = await post(doors, each)
      assert.is(answer.statusCode, sender.refused, answer.body)
      assert.match(answer.json().code, /^(bad|no)_signature$/)
    }
    assert.equal(doors.records, [])
  })

  if (sender.timed)
    test(`${name}: an old or a future time is refused, and what may be a repeat is not`, async () => {
      const doors = world()
      // Svix signs each attempt anew.
      const oldest = (name === 'resend' ? 0 : repeatMs) + toleranceMs
      const late = await post(doors, sender.send(good, NOW - oldest - 1_000))
      assert.equal([late.statusCode, late.json().code], [sender.refused, 'too_old'])
      const early = await post(doors, sender.send(good, NOW + toleranceMs + 1_000))
      assert.equal([early.statusCode, early.json().code], [sender.refused, 'too_new'])
      assert.equal(doors.records, [])
      assert.is((await post(doors, sender.send(good, NOW - oldest + 1_000))).statusCode, 200)
      assert.is(doors.events.length, 1)
    })

  test(`${name}: a repeated request is answered 200 and takes effect once`, async () => {
    const doors = world()
    await post(doors, sender.send(good, NOW))
    const again = await post(doors, sender.send(good, NOW))
    assert.is(again.statusCode, 200)
    assert.equal(again.json(), { taken: 0, rejected: 0, repeated: 1, left_out: 0 })
    assert.is(doors.events.length, 1)

    // Another process has not seen it: it is the same event to the runtime.
    const other = world()
    await post(other, sender.send(good, NOW))
    assert.is(other.events[0]?.messageId, doors.events[0]?.messageId)
  })

  test(`${name}: while nothing can be kept it is told to come again, and then it is taken`, async () => {
    const doors = world()
    doors.refusal = new SinkFull('spool_full', 'full', 7)
    const answer = await post(doors, sender.send(good, NOW))
    assert.equal([answer.statusCode, answer.headers['retry-after']], [sender.trouble, '7'])
    doors.refusal = undefined
    assert.is((await post(doors, sender.send(good, NOW))).json().taken, 1)
  })

  test(`${name}: garbage is answered with 4xx, whatever it is`, async () => {
    const doors = world()
    const sent = sender.send(good, NOW)
    for (const payload of ['', 'null', '[]', '{"', '[[[[', '\u0000\ufffe', '"x"', '[null,1,"x"]']) {
      const { statusCode } = await post(doors, { ...sent, payload })
      const harmless = statusCode === 200 && doors.records.length === 0
      assert.ok(harmless || (statusCode >= 400 && statusCode < 500), `${payload}: ${statusCode}`)
    }
  })
}

test('without a user id the address is, by its keyed hash, who it was', async () => {
  const doors = world()
  const [example] = examples.sendgrid ?? []
  const raw = { ...example?.raw, user_id: undefined }
  await post(doors, senders.sendgrid.send([raw], NOW))
  const id = addresses.idOf(ADDRESS)
  assert.equal([doors.events[0]?.userId, doors.events[0]?.anonymousId], ['', id])
  assert.equal(doors.keys, [id])
})

test('an unknown path is 404, another method 405, and none is a redirect', async () => {
  const doors = world()
  const get = (url: string) => doors.app.inject({ method: 'GET', url })
  assert.is((await doors.post('/v1/webhooks/unknown', {})).statusCode, 404)
  assert.is((await doors.post('/v1/webhooks/sendgrid/other', {})).statusCode, 404)
  const answer = await get('/v1/webhooks/sendgrid')
  assert.equal([answer.statusCode, answer.headers.allow], [405, 'POST'])
})

test('Mailchimp tries the URL with GET, and Mandrill with HEAD and an empty batch of an unknown key', async () => {
  const doors = world()
  const ask = async (method: 'GET' | 'HEAD', url: string) =>
    (await doors.app.inject({ method, url })).statusCode
  assert.is(await ask('GET', senders.mailchimp.send([{}], NOW).url), 200)
  assert.is(await ask('GET', senders.mailchimp.send([{}], NOW, WRONG).url), 401)
  assert.is(await ask('GET', '/v1/webhooks/mailchimp'), 401)
  assert.is(await ask('HEAD', '/v1/webhooks/mandrill'), 200)
  assert.is((await post(doors, senders.mandrill.send([], NOW, 'test-webhook'))).statusCode, 200)
  const [example] = examples.mandrill ?? []
  const forged = senders.mandrill.send([example?.raw], NOW, 'test-webhook')
  assert.is((await post(doors, forged)).statusCode, 401)
})

test('a batch is taken whole, of which each event counts once, and its verdicts know all of it', async () => {
  const doors = world()
  const at = AT / 1000
  const common = { email: ADDRESS, timestamp: at, sg_message_id: 'm1.filter', useragent: 'Firefox' }
  const clicks = ['a', 'b', 'c'].map(page => ({
    ...common,
    event: 'click',
    sg_event_id: page,
    url: `https://shop.example/${page}`,
  }))
  const open = { ...common, event: 'open', sg_event_id: 'o', timestamp: at + 1 }
  const delivered = { ...common, event: 'delivered', sg_event_id: 'd' }
  const many = Array.from({ length: 1_200 }, (_, number) => ({
    ...delivered,
    sg_event_id: `n${number}`,
    sg_message_id: `x${number}`,
  }))
  const batch = [...clicks, open, delivered, ...many, delivered]
  const answer = await post(doors, senders.sendgrid.send(batch, NOW))
  assert.is(answer.statusCode, 200)
  assert.is(new Set(doors.events.map(({ messageId }) => messageId)).size, 1_205)
  const reasons = doors.events.slice(0, 4).map(({ context }) => {
    const { reasons } = context.classification as { reasons: string[] }
    return reasons[0]
  })
  assert.equal(reasons, ['many_links', 'many_links', 'many_links', 'at_once'])
})

test('what is too large, or comes while too much is being read, is refused before it costs much', async () => {
  const doors = world()
  const sent = senders.sparkpost.send([], NOW)
  const large = await post(doors, { ...sent, payload: ' '.repeat(4 * 1024 * 1024 + 1) })
  assert.is(large.statusCode, 413)
  for (let request = 0; request < 40; request++)
    assert.is((await post(doors, sent)).statusCode, 200)
})

test('one address that sends too much is told to come again as its provider understands it, and others go on', async () => {
  for (const [name, status] of [
    ['sendgrid', 429],
    ['postmark', 503],
  ] as const) {
    const sender = senders[name]
    assert.ok(sender)
    const doors = new DoorWorld({
      perAddress: 3,
      webhooks: { webhooks: [sender.entry], addresses, fetch },
    })
    const sent = sender.send([examples[name]?.[0]?.raw ?? {}], NOW)
    const from = (remoteAddress: string) =>
      doors.app.inject({ method: 'POST', ...sent, remoteAddress })
    const answers = await Promise.all(Array.from({ length: 12 }, () => from('192.0.2.7')))
    const over = answers.filter(({ statusCode }) => statusCode !== 200)
    assert.ok(over.length >= 6, `${over.length} of 12 were refused`)
    assert.equal([over[0]?.statusCode, over[0]?.json().code], [status, 'over_limit'])
    assert.is(over[0]?.headers['retry-after'], '1')
    assert.is((await from('192.0.2.8')).statusCode, 200)
  }
})

test.run()
