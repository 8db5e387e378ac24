import { createContext, Script } from 'node:vm'
import fc from 'fast-check'
import type { Content } from '../../content/block.ts'
import { escapeHtml } from '../../content/escape.ts'
import { asHtml, toPieces, write } from '../../content/personalise.ts'
import { markTags } from '../../content/tags.ts'
import { failing } from '../../content/template-error.ts'
import { assert, suite } from '../harness.ts'
import { fetchFile, mustache } from './fetched.ts'
import { sampledTemplates } from './own-templates.ts'

// What a reader's client makes of the AMP part's templates is mustache.js's; what we make of the same source is ours.
const test = suite('a template means the same in AMP and in HTML', { timeoutMs: 120_000 })
type Render = (template: string, view: unknown, partials: object, config: object) => string
let renderMustache: Render

test.before(async () => {
  const world: Record<string, unknown> = {}
  world.globalThis = world
  new Script(await fetchFile(mustache)).runInContext(createContext(world))
  const { Mustache } = world
  if (typeof Mustache !== 'object' || Mustache === null || !('render' in Mustache))
    throw new Error('mustache.js made no Mustache')
  renderMustache = Mustache.render as Render
})

const names = fc.constantFrom('a', 'b', 'c', 'length', 'a.b', 'b.a', 'a.length', 'c.c.c', '.')
const leaves = fc.oneof(
  fc.constantFrom(null, true, false, 0, 1, -2.5, '', 'x', '<b>', '"\'&', '{{a}}', 'é'),
)
/** mustache.js throws for an item that is null; a payload of ours has none (docs/EMAILS.md). */
const payloads = fc.letrec<{ value: unknown; object: Content }>(tie => ({
  value: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    leaves,
    fc.array(
      tie('value').filter(item => item !== null),
      { maxLength: 3 },
    ),
    tie('object'),
  ),
  object: fc.dictionary(fc.constantFrom('a', 'b', 'c', 'length'), tie('value'), {
    maxKeys: 4,
    noNullPrototype: true,
  }),
})).object
const sources = fc.letrec<{ source: string }>(tie => ({
  source: fc
    .array(
      fc.oneof(
        { depthSize: 'small' },
        fc.constantFrom('text ', ' <i>', ' '),
        names.map(name => `{{${name}}}`),
        fc.tuple(names, tie('source')).map(([name, body]) => `{{#${name}}}[${body}]{{/${name}}}`),
        fc.tuple(names, tie('source')).map(([name, body]) => `{{^${name}}}(${body}){{/${name}}}`),
      ),
      { maxLength: 5 },
    )
    .map(parts => parts.join('')),
})).source

test('any tags with any payload give what mustache.js gives', () => {
  let shown = 0
  fc.assert(
    fc.property(sources, payloads, (source, view) => {
      const { text, tags } = markTags(source, failing('random'))
      const ours = write(
        toPieces(text, tags),
        { view, parent: undefined },
        { ...asHtml, block: () => '', refused: () => undefined },
      )
      const theirs = renderMustache(
        source,
        view,
        {},
        { escape: (each: unknown) => escapeHtml(String(each)) },
      )
      assert.is(ours, theirs)
      if (/[^[\]() ]/.test(ours)) shown++
    }),
    { numRuns: 1_500, seed: 7 },
  )
  assert.ok(shown > 250, `only ${shown} of the runs showed anything`)
})

test("the blocks of the shop's emails show in AMP what the HTML of the same moment shows", async () => {
  const url = fc.webUrl().filter(each => !/[\^`{|}\\'"<>]/.test(each))
  const text = fc.string({ maxLength: 20 }).map(each => each.replace(/\s+/g, ' '))
  const product = fc.record(
    {
      title: text,
      price: text,
      url,
      image: url,
      quantity: fc.nat(),
      lowStock: fc.nat(3),
      because: text,
    },
    { requiredKeys: ['title', 'price', 'url', 'image'], noNullPrototype: true },
  )
  const items = fc.array(product, { maxLength: 3 })
  const payload = fc.record(
    {
      items,
      hasItems: fc.boolean(),
      total: text,
      rows: fc.array(
        fc.record(
          { left: product, right: product },
          { requiredKeys: ['left'], noNullPrototype: true },
        ),
        { maxLength: 2 },
      ),
      status: text,
      expected: text,
      trackingUrl: url,
    },
    { requiredKeys: [], noNullPrototype: true },
  )
  let blocks = 0
  for (const { template, sample } of await sampledTemplates()) {
    fc.assert(
      fc.property(payload, content => {
        const payloads = Object.fromEntries(template.blocks.map(name => [name, content]))
        const { amp = '', html } = template.render({ ...sample, blocks: payloads })
        for (const [, source = '', placeholder = ''] of amp.matchAll(
          /<template type="amp-mustache"><div>(.*?)<\/div><\/template><div placeholder>(.*?)<\/div><div fallback>/gs,
        )) {
          const theirs = renderMustache(
            source,
            content,
            {},
            { escape: (each: unknown) => escapeHtml(String(each)) },
          )
          assert.is(visible(placeholder), visible(theirs))
          assert.ok(visible(html).includes(visible(theirs)), 'the HTML part shows something else')
          blocks++
        }
      }),
      { numRuns: 15, seed: 11 },
    )
  }
  assert.ok(blocks >= 60, `only ${blocks} blocks were compared`)
})

test.run()

/** The text alone; elements differ by the part. */
function visible(html: string): string {
  return html
    .replace(/<!--.*?-->/gs, '')
    .replace(/<[^>]*>/g, ' ')
    .replace(/\s+/g, ' ')
    .trim()
}
