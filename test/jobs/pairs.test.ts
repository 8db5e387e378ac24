import { pairs } from '../../jobs/define-job.ts'
import { assert, suite } from '../harness.ts'
import { contextOf, eventOf } from './events.ts'
import { bought, driven, jobOf, seen, start, to } from './sending.ts'

const test = suite('pairs')

test('what is viewed within the time goes to both, as the other one’s companion', () => {
  const { t, sent, view } = driven(pairs(seen))
  view('a')
  view('b')
  assert.equal(t.rekeyed()[0], {
    to,
    key: 'b',
    event: {
      type: 'track',
      event: 'Viewed Together',
      messageId: t.rekeyed()[0]?.event.messageId,
      timestamp: start,
      properties: { with: 'a' },
    },
  })
  t.advance('20m')
  view('c')
  t.advance('20m')
  view('d')
  assert.equal(sent(), ['b a', 'a b', 'c b', 'b c', 'c a', 'a c', 'd c', 'c d'])
  assert.equal(t.features('u1')?.feature, ['d', 'c'])
})

test('to and fro between two products is one pair, until they are forgotten', () => {
  const { t, sent, view } = driven(pairs(seen))
  for (const product of ['a', 'b', 'a', 'b', 'a']) {
    view(product)
    t.advance('10m')
  }
  assert.is(sent().length, 2)
  t.advance('40m')
  view('b')
  view('a')
  assert.is(sent().length, 4)
})

test('of many products the last ones are paired, and what came too late to be among them is not', () => {
  const { sent, view } = driven(pairs({ ...seen, keep: 2 }))
  const at = (minutes: number) => ({ timestamp: start + minutes * 60_000, messageId: '' })
  view('a', at(40))
  view('b', at(41))
  view('c', at(42))
  assert.is(sent().length, 2 + 4)
  view('a', at(40)) // a repeat without an id, forgotten already
  view('x', at(5)) // and one beyond the time
  assert.is(sent().length, 6)
  view('d', at(43))
  assert.equal(sent().slice(6), ['d c', 'c d', 'd b', 'b d'])
})

test('an event later than the lateness, or a repeat, sends nothing', () => {
  const { t, sent, view } = driven(pairs(seen))
  view('a', { messageId: 'one' })
  view('b', { messageId: 'two' })
  view('b', { messageId: 'two' })
  view('c', { timestamp: start - 2 * 86_400_000 })
  assert.is(sent().length, 2)
  assert.is(t.late().length, 1)
})

test('the lines of an order are paired, at most 20 different ones of them', () => {
  const lines = (length: number) => Array.from({ length }, (_, at) => ({ product_id: at % 30 }))
  const { t, sent } = driven(pairs(bought))
  const order = { event: 'Order Completed' }
  t.send({ ...order, properties: { products: [...lines(2), ...lines(2)] } })
  assert.equal(sent(), ['0 1', '1 0'])
  assert.is(t.rekeyed()[0]?.event.event, 'Bought Together')
  t.send({ ...order, properties: { products: lines(100) } })
  assert.is(sent().length, 2 + 20 * 19)
  t.send({ ...order, properties: { products: [{ product_id: 'alone' }] } })
  t.send({ ...order, properties: { products: 'x' } })
  t.send({ ...order, properties: {} })
  t.send({ ...order, properties: { products: [null] } })
  t.send({ ...order, properties: { products: [{ product_id: '\ud800' }] } })
  assert.is(sent().length, 2 + 20 * 19)
  assert.match(
    t.dead()[0]?.reason ?? '',
    /feature "feature": expected a list at properties.products; found string/,
  )
  assert.is(t.dead().length, 4)
})

test('what is sent has the same id whenever it is sent, another one for each, and tells of no user', () => {
  const ids = (userId: string, messageId = 'm') => {
    const { t, view } = driven(pairs(seen))
    for (const product of ['a', 'b', 'c'])
      view(product, { userId, messageId: messageId && messageId + product })
    return t.rekeyed().map(({ key, event }) => `${key} ${event.messageId}`)
  }
  assert.equal(ids('ada'), ids('ada'))
  assert.is(new Set([...ids('ada'), ...ids('bob')]).size, 12)
  assert.not.match(ids('ada').join(), /ada/)
  assert.ok(ids('ada', '').every(one => one.endsWith(' ')))
})

test('who withdraws his consent is remembered no more', () => {
  const { t, sent, view } = driven(pairs({ ...seen, purpose: 'Advertising' }))
  const consent = (given: boolean) => ({
    context: { consent: { categoryPreferences: { Advertising: given } } },
  })
  view('a', consent(true))
  view('b', consent(false))
  view('c', consent(true))
  assert.equal(sent(), [])
  assert.equal(t.features('u1')?.feature, ['c'])
})

test('who becomes known remembers what he saw before', () => {
  const job = jobOf(pairs(seen))
  const [own, before] = ['ab', 'cd'].map((products, at) => {
    const state = job.create()
    for (const [n, product_id] of [...products].entries())
      job.absorb(
        state,
        eventOf({ timestamp: start + at + 10 * n, properties: { product_id } }),
        contextOf(),
      )
    return state
  })
  assert.ok(own && before)
  job.merge(own, before)
  assert.equal(job.row(own).features.feature, ['d', 'b', 'c', 'a'])
})

test.run()
