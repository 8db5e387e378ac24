import type { BlockInput, ShownProduct } from '../../content/block.ts'
import { blocks } from '../../content/shop-blocks.ts'
import { assert, suite } from '../harness.ts'
import { sampledTemplates } from './own-templates.ts'

const test = suite("the shop's blocks in the shop's emails")

const teapot: ShownProduct = {
  ...{ id: 'a', title: 'Teapot', price: 34, stock: 3 },
  ...{ url: 'https://a.example/a', image: 'https://a.example/a.png' },
}
const rug: ShownProduct = {
  ...{ id: 'b', title: 'Rug', price: 84.9, currency: 'USD', url: 'https://a.example/b' },
}
const kite: ShownProduct = { id: 'c', title: 'Kite' }
const catalogue = [teapot, rug, kite]
const input: BlockInput = {
  user: 'u',
  features: {
    cart: {
      items: [
        { id: 'a', quantity: 2 },
        { id: 'gone', name: 'Lamp', price: 5, quantity: 1 },
      ],
    },
    lastViewed: ['a', 'b', 'c'],
  },
  segments: [],
  recommended: [
    { ...teapot, score: 3, because: 'viewed', of: 'b' },
    { ...rug, score: 2, because: 'popular', of: 'x' },
    { ...kite, score: 1, because: 'viewed', of: 'a' },
  ],
  products: ids => catalogue.filter(({ id }) => ids.includes(id)),
  now: 0,
}

test('each block of an email is one that is served, and shows what it makes of a user, in every part', async () => {
  for (const { template, sample } of await sampledTemplates()) {
    const served = template.blocks.map(name => blocks.find(block => block.name === name))
    const payloads = Object.fromEntries(
      served.map(block => [block?.name ?? '', block?.shape(input) ?? { none: true }]),
    )
    const { html, text, amp = '', warnings } = template.render({ ...sample, blocks: payloads })
    assert.equal(warnings, [], template.name)
    for (const part of [html, text, amp]) {
      for (const word of ['Teapot', '€34.00', 'https://a.example/a']) assert.match(part, word)
      assert.not.match(part, /undefined|\[object|invalid\.invalid/)
    }
  }
})

test('of a user who is not known an email shows the fallbacks, and still reads as an email', async () => {
  for (const { template, sample } of await sampledTemplates()) {
    const payloads = Object.fromEntries(blocks.map(({ name, fallback }) => [name, fallback]))
    const { text, warnings } = template.render({ ...sample, blocks: payloads })
    assert.equal(warnings, [], template.name)
    assert.match(text, /cart is empty now|always something new/)
    assert.not.match(text, /\n\n\n/)
  }
})

test.run()
