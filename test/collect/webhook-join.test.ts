import { addressesOf } from '../../collect/address.ts'
import { count, defineJob } from '../../jobs/define-job.ts'
import { testJob } from '../../runtime/test-job.ts'
import { assert, suite } from '../harness.ts'
import { DoorWorld, NOW } from './door-world.ts'
import { ADDRESS, CHROME } from './webhook-raw.ts'
import { senders } from './webhook-senders.ts'

const test = suite('an address and its user')
const addresses = addressesOf('a secret of thirty-two bytes, or more')

const mails = defineJob({
  name: 'mails',
  input: 'events',
  key: 'userId',
  identity: true,
  features: { opens: count({ of: 'Email Opened', over: '7d', every: '1d' }) },
})

const opened = (id: string) => ({
  email: ADDRESS,
  timestamp: NOW / 1000,
  event: 'open',
  sg_event_id: id,
  sg_message_id: 'm1',
  useragent: CHROME,
})

test('what an address opened before and after it said who it is counts for the user', async () => {
  const webhooks = [senders.sendgrid.entry]
  const doors = new DoorWorld({
    addresses,
    webhooks: { webhooks, addresses },
  })
  const hook = async (...ids: string[]) => {
    const { url, payload, headers } = senders.sendgrid.send(ids.map(opened), NOW)
    assert.is((await doors.app.inject({ method: 'POST', url, payload, headers })).statusCode, 200)
  }
  await hook('before-1', 'before-2')
  const identify = {
    userId: 'u1',
    anonymousId: 'a1',
    messageId: 'm1',
    traits: { email: ` ${ADDRESS.toLowerCase()}` },
    timestamp: new Date(NOW).toISOString(),
  }
  assert.is((await doors.post('/v1/identify', identify)).statusCode, 200)
  await hook('after-1', 'before-1')

  const job = testJob(mails, { at: NOW })
  const all = [...doors.raw]
  for (const value of all) job.sendRecord(value)
  assert.equal(job.dead(), [])
  assert.is(job.features('u1')?.opens, 3)
  assert.is(job.features(addresses.idOf(ADDRESS)), undefined, 'the address has no row of its own')
  assert.equal(
    doors.events.map(({ type, messageId }) => [type, messageId]),
    [
      ['track', 'sendgrid:before-1'],
      ['track', 'sendgrid:before-2'],
      ['identify', 'm1'],
      ['identify', 'm1:email'],
      ['track', 'sendgrid:after-1'],
    ],
  )
})

test('an address is kept in the event only where that is asked for', async () => {
  for (const keepAddress of [false, true]) {
    const webhooks = [{ ...senders.sendgrid.entry, keepAddress }]
    const doors = new DoorWorld({ webhooks: { webhooks, addresses } })
    const click = {
      ...opened('e1'),
      event: 'click',
      url: `https://shop.example/?to=${encodeURIComponent(ADDRESS)}`,
    }
    await doors.app.inject({ method: 'POST', ...senders.sendgrid.send([click], NOW) })
    const [event] = doors.events
    assert.equal(event?.context.traits, keepAddress ? { email: ADDRESS } : undefined)
    assert.is(
      event?.properties.link_url,
      keepAddress ? click.url : 'https://shop.example/?to=[address]',
    )
  }
})

test('an address is found in a link however it is written there', async () => {
  const doors = new DoorWorld({ webhooks: { webhooks: [senders.sendgrid.entry], addresses } })
  const email = 'Bob+News@bücher.example'
  const texts = [email, email.toLowerCase(), encodeURIComponent(email), email.replace('@', '%40')]
  for (const [at, text] of texts.entries()) {
    const click = { ...opened(`e${at}`), email, event: 'click', url: `https://x/?${text}&a=b` }
    await doors.app.inject({ method: 'POST', ...senders.sendgrid.send([click], NOW) })
    assert.is(doors.events.at(-1)?.properties.link_url, 'https://x/?[address]&a=b')
  }
})

test('the address of a device is left out where that is asked for, and judged by all the same', async () => {
  for (const keepIp of [true, false]) {
    const webhooks = { webhooks: [senders.sendgrid.entry], addresses }
    const doors = new DoorWorld({ keepIp, webhooks })
    const open = { ...opened('e1'), ip: '17.58.101.2' }
    await doors.app.inject({ method: 'POST', ...senders.sendgrid.send([open], NOW) })
    const { ip, classification } = doors.events[0]?.context ?? {}
    assert.is(ip, keepIp ? open.ip : undefined)
    assert.is((classification as { verdict: string }).verdict, 'prefetch')
  }
})

test.run()
