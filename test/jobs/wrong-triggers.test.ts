import type { JobDefinition } from '../../jobs/define-job.ts'
import * as language from '../../jobs/define-job.ts'
import { suite } from '../harness.ts'
import { call, refused } from './refused.ts'

const test = suite('triggers and options of a job that are written wrongly')

const of = 'Product Viewed'
const views = language.count({ of })
const good: JobDefinition = { name: 'email', input: 'events', features: { views } }

const triggers: [what: string, trigger: () => unknown, words: string[]][] = [
  ['first without options', () => call('first'), ['options']],
  ['first with an unknown option', () => call('first', { off: of }), ['"off"', 'of, where']],
  ['after without options', () => call('after', '1h'), ['options', 'from:']],
  ['after without a delay', () => call('after', { from: of }), ['delay', "'30m'"]],
  [
    'after a delay that is none',
    () => call('after', '1 hour', { from: of }),
    ['its delay is "1 hour"', "'30m'"],
  ],
  ['after no time', () => call('after', '0h', { from: of }), ['its delay is "0h"']],
  ['after nothing', () => call('after', '1h', { unless: of }), ['from', "from: 'Product Added'"]],
  [
    'after what calls it off',
    () => call('after', '1h', { from: of, unless: of }),
    ['other events than unless'],
  ],
  [
    'after with an unknown option',
    () => call('after', '1h', { from: of, unles: 'A' }),
    ['"unles"', 'unless'],
  ],
  ['crosses without options', () => call('crosses'), ['options']],
  [
    'crosses of a feature that is not there',
    () => call('crosses', { feature: 'veiws', above: 1 }),
    ['"veiws"', 'choose among views'],
  ],
  [
    'crosses without a threshold',
    () => call('crosses', { feature: 'views' }),
    ['above or below', 'above: 100'],
  ],
  [
    'crosses with two',
    () => call('crosses', { feature: 'views', above: 1, below: 0 }),
    ['above or below'],
  ],
  [
    'crosses of a text',
    () => call('crosses', { feature: 'views', above: 'many' }),
    ['above or below', 'a number'],
  ],
  [
    'crosses for a purpose',
    () => call('crosses', { feature: 'views', above: 1, purpose: 'Ads' }),
    ['"purpose"'],
  ],
]

for (const [what, trigger, words] of triggers)
  test(`refuses ${what}`, () => {
    const definition = () => ({ ...good, triggers: { bought: trigger() } })
    refused(definition, ['job "email"', 'trigger "bought"', ...words])
  })

for (const [what, more, words] of [
  ['segments in a list', { segments: [] }, ['segments', 'loyal: features =>']],
  [
    'a segment that is no function',
    { segments: { loyal: 'orders' } },
    ['"loyal"', 'no function', 'features.orders >= 3'],
  ],
  [
    'a segment named as a feature',
    { segments: { views: () => true } },
    ['two features, segments or triggers', '"views"'],
  ],
  [
    'a segment that no template can read',
    { segments: { 'at-risk': () => true } },
    ['"at-risk"', 'letter'],
  ],
  ['an identity that is none', { identity: 'yes' }, ['identity is "yes"', 'identity: true']],
  ['schemas in a list', { schemas: [] }, ['schemas', "'Order Completed'"]],
  [
    'tables that are none',
    { tables: { products: 'products.csv' } },
    ['"products"', "table('products.csv'"],
  ],
] as const)
  test(`refuses ${what}`, () => refused(() => ({ ...good, ...more }), ['job "email"', ...words]))

test.run()
