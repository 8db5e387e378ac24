import type { InjectOptions } from 'fastify'
import { addFormRoutes } from '../../collect/forms.ts'
import { Problem } from '../../http/problem.ts'
import { assert, suite } from '../harness.ts'
import { type LinkWorld, linkWorld } from './link-world.ts'

const test = suite('forms')
const shop = 'https://shop.example'

const open = (take?: Parameters<typeof linkWorld>[1]) =>
  linkWorld((door, addresses) => addFormRoutes(door, { addresses, keepIp: true }), take)

test('a form becomes "Form Submitted" with its fields, of whom its hidden fields name', async () => {
  const { app, taken } = open()
  const answer = await post(app, {
    writeKey: 'shop',
    userId: 'u-1',
    anonymousId: 'a-1',
    messageId: 'f-1',
    email: 'ada@shop.example',
    size: ['38', '39'],
    'consent.marketing': ['', 'on'],
    'consent.analytics': 'no',
  })
  assert.is(answer.statusCode, 200)
  assert.match(answer.body, '<h1>Thank you</h1>')
  assert.match(answer.body, 'href="https://shop.example/"')
  assert.equal(taken[0]?.event, {
    type: 'track',
    event: 'Form Submitted',
    messageId: 'f-1',
    userId: 'u-1',
    anonymousId: 'a-1',
    properties: { email: 'ada@shop.example', size: ['38', '39'], form_name: 'newsletter' },
    context: { consent: { categoryPreferences: { marketing: true, analytics: false } } },
  })
  assert.is(taken[0]?.arrival.source.name, 'shop')
  await app.close()
})

test('a multipart form is read the same; its files are left out', async () => {
  const { app, taken } = open()
  const part = (name: string, value: string, file = '') =>
    `--b1\r\nContent-Disposition: form-data; name="${name}"${file}\r\n\r\n${value}\r\n`
  const answer = await app.inject({
    method: 'POST',
    url: '/v1/forms/contact?writeKey=shop',
    headers: { 'content-type': 'multipart/form-data; boundary=b1', origin: shop },
    payload: `${part('userId', 'u-1')}${part('photo', 'bytes', '; filename="me.png"')}${part('text', 'Grüße')}--b1--\r\n`,
  })
  assert.is(answer.statusCode, 200)
  assert.equal(taken[0]?.event.properties, { text: 'Grüße', form_name: 'contact' })
  await app.close()
})

test('who says only an address is whom it stands for; who says nothing is somebody new each time', async () => {
  const { app, taken, addresses } = open()
  for (const fields of [{ Email: ' Ada@Shop.example' }, { email: 'none' }, {}])
    await post(app, { writeKey: 'shop', ...fields })
  const ids = taken.map(({ event }) => String(event.anonymousId))
  assert.is(ids[0], addresses.idOf('ada@shop.example'))
  for (const id of ids.slice(1)) assert.match(id, /^form:[\da-f-]{36}$/)
  assert.is.not(ids[1], ids[2])
  await app.close()
})

test('what fills in the field that nobody sees is answered alike, counted, and not taken', async () => {
  const { app, taken, counted } = open()
  const person = await post(app, { writeKey: 'shop', _gotcha: '' })
  const robot = await post(app, { writeKey: 'shop', _gotcha: 'http://spam.example' })
  assert.is(robot.statusCode, person.statusCode)
  assert.is(robot.body, person.body)
  assert.is(taken.length, 1)
  assert.equal(counted, ['millrace_form_robots'])
  await app.close()
})

test('passwords, card numbers and keys of prototypes are not taken', async () => {
  const { app, taken } = open()
  await post(app, {
    writeKey: 'shop',
    password: 'x',
    'new-passwd': 'x',
    card_number: '4111',
    CVC: '123',
    ['__proto__']: 'x',
    'consent.__proto__': 'on',
    passenger: 'Ada',
  })
  assert.equal(taken[0]?.event.properties, { passenger: 'Ada', form_name: 'newsletter' })
  assert.equal(taken[0]?.event.context, {})
  await app.close()
})

test('it goes on only to a page of the same site, or of one that the key is for', async () => {
  const { app } = open()
  const goesTo = async (redirect: string, writeKey = 'shop', origin: string | undefined = shop) => {
    const answer = await post(app, { writeKey, redirect }, origin)
    assert.is(answer.statusCode, answer.headers.location === undefined ? 200 : 303)
    return answer.headers.location
  }
  assert.is(await goesTo('/thanks?a=1'), `${shop}/thanks?a=1`)
  assert.is(await goesTo(`${shop}/thanks`), `${shop}/thanks`)
  assert.is(await goesTo('https://www.shop.example/x'), 'https://www.shop.example/x')
  assert.is(await goesTo('https://www.shop.example/x', 'open'), undefined)
  assert.is(await goesTo('/x', 'open', ''), undefined)
  for (const evil of [
    'https://evil.example/',
    '//evil.example',
    '/\\evil.example',
    'http://shop.example/',
    'https://shop.example.evil.example/',
    'https://ada@shop.example/',
    'javascript:alert(1)',
    'data:text/html,x',
    'https://[',
  ])
    assert.is(await goesTo(evil), undefined, evil)
  await app.close()
})

test('without a key that is for this page nothing is taken; a person gets a page, a program a problem', async () => {
  const { app, taken } = open()
  assert.is((await post(app, {})).json().code, 'no_key')
  assert.is((await post(app, { writeKey: 'shop' }, 'https://evil.example')).statusCode, 403)
  const page = await post(app, { writeKey: 'x' }, shop, { accept: 'text/html' })
  assert.is(page.statusCode, 401)
  assert.match(page.body, '<h1>That did not work</h1>')
  assert.is(taken.length, 0)
  await app.close()
})

test('a form that is too large, or none, is refused', async () => {
  const { app, taken } = open()
  const many = Object.fromEntries(Array.from({ length: 101 }, (_, at) => [`f${at}`, 'x']))
  assert.is((await post(app, { writeKey: 'shop', ...many })).statusCode, 413)
  assert.is((await post(app, { writeKey: 'shop', text: 'x'.repeat(17_000) })).statusCode, 413)
  assert.is((await post(app, { writeKey: 'shop', ['n'.repeat(101)]: 'x' })).statusCode, 413)
  const url = '/v1/forms/x?writeKey=shop'
  const send = async (type: string, payload: string) =>
    (await app.inject({ method: 'POST', url, headers: { 'content-type': type }, payload }))
      .statusCode
  const multipart = 'multipart/form-data; boundary=b1'
  assert.is(await send('application/x-www-form-urlencoded', 'x'.repeat(70_000)), 413)
  assert.is(await send('application/json', '{"email":"x"}'), 400)
  assert.is(await send('multipart/form-data', 'a=1'), 400)
  assert.is(await send(multipart, '--b1\r\ncut off'), 400)
  const parts = '--b1\r\nContent-Disposition: form-data; name="f"; filename="x"\r\n\r\nx\r\n'
  assert.is(await send(multipart, `${parts.repeat(120)}--b1--\r\n`), 413)
  assert.is(taken.length, 0)
  await app.close()
})

test('nobody is thanked for what could not be kept', async () => {
  const { app } = open(async () => {
    throw new Problem(429, 'full', 'the spool is full', { 'retry-after': '5' })
  })
  const page = await post(app, { writeKey: 'shop' }, shop, { accept: 'text/html' })
  assert.is(page.statusCode, 429)
  assert.is(page.headers['retry-after'], '5')
  await app.close()
})

test.run()

function post(
  app: LinkWorld['app'],
  fields: Readonly<Record<string, string | readonly string[]>>,
  origin: string = shop,
  more: InjectOptions['headers'] = {},
) {
  const pairs = Object.entries(fields).flatMap(([name, values]) =>
    [values].flat().map((value): [string, string] => [name, String(value)]),
  )
  return app.inject({
    method: 'POST',
    url: '/v1/forms/newsletter',
    headers: {
      'content-type': 'application/x-www-form-urlencoded',
      ...(origin !== '' && { origin }),
      ...more,
    },
    payload: new URLSearchParams(pairs).toString(),
  })
}
