import { BlockError, defineBlock } from '../../content/block.ts'
import { assert, suite } from '../harness.ts'

const test = suite('blocks')
const good = { name: 'cart', features: ['cart'], fallback: { items: [] } }

test('a block has bounds, also where none were written', () => {
  const block = defineBlock(good)
  assert.is(block.budgetMs, 200)
  assert.is(block.bytesMax, 16_384)
  assert.is(block.recommended, 0)
  const input = { user: 'u', segments: [], recommended: [], products: () => [], now: 0 }
  assert.equal(block.shape({ ...input, features: { cart: 1 } }), { cart: 1 })
})

for (const [what, wrong, message] of [
  ['a name with capitals', { name: 'Cart' }, /"Cart": a name is .* name: 'last-viewed'/],
  ['features that are no list', { features: 'cart' }, /features: \['lastViewed'\]/],
  ['a fallback that is a list', { fallback: [] }, /fallback is no object; write one/],
  ['a fallback with a reserved name', { fallback: { source: 1 } }, /has "source"/],
  [
    'a fallback too large',
    { fallback: { text: 'x'.repeat(99) }, bytesMax: 64 },
    /110 bytes of JSON/,
  ],
  ['a budget of nothing', { budgetMs: 0 }, /budgetMs is a whole number from 10 to 5000, not 0/],
  ['too many recommended', { recommended: 25 }, /recommended is a whole number from 0 to 24/],
  ['a shape that is no function', { shape: 'items' }, /shape is a function/],
] as const)
  test(`${what} fails at definition, and says how to write it`, () => {
    try {
      defineBlock({ ...good, ...(wrong as object) })
      assert.unreachable('it was taken')
    } catch (error) {
      assert.instance(error, BlockError)
      assert.match((error as BlockError).message, message)
    }
  })

test.run()
