import type { JobDefinition } from '../../jobs/define-job.ts'
import { count, defineJob, distinct, first, lastDistinct, sum } from '../../jobs/define-job.ts'
import { JobError } from '../../jobs/job.ts'
import { assert, suite } from '../harness.ts'

const test = suite('wrong definitions')

const views = count({ of: 'Product Viewed' })
const good: JobDefinition = { name: 'email', input: 'events', features: { views } }

/** Definitions as a JavaScript author may write them, each with what the error must say. */
const wrong: [what: string, definition: object, words: string[]][] = [
  ['an unknown option', { ...good, idel: 'hold' }, ['"idel"', 'idle']],
  ['no name', { ...good, name: undefined }, ['name', "name: 'email'"]],
  ['a name that is no topic', { ...good, name: 'e mail' }, ['"e mail"', 'letters']],
  ['a name with a dot', { ...good, name: 'email.features' }, ['"email.features"']],
  ['no input', { ...good, input: undefined }, ['input', "'events'"]],
  ['an input that is no topic', { ...good, input: '..' }, ['input', '".."']],
  ['another key', { ...good, key: 'sessionId' }, ['key', "'userId'"]],
  ['no features', { ...good, features: {} }, ['no feature', 'count(']],
  ['features in a list', { ...good, features: [views] }, ['features', '{ name: … }']],
  [
    'a feature name that templates cannot read',
    { ...good, features: { 'views-7d': views } },
    ['"views-7d"', 'letter'],
  ],
  [
    'a feature that is none',
    { ...good, features: { views: 'count' } },
    ['"views"', '"count"', 'count({'],
  ],
  [
    'a trigger among the features',
    { ...good, features: { f: first({}) } },
    ['"f"', 'a first', 'count({'],
  ],
  [
    'a feature among the triggers',
    { ...good, triggers: { t: views } },
    ['"t"', 'a count', 'first({'],
  ],
  [
    'one name for a feature and a trigger',
    { ...good, triggers: { views: first({}) } },
    ['two', '"views"'],
  ],
  [
    'more features than the most',
    {
      ...good,
      features: Object.fromEntries(Array.from({ length: 201 }, (_, i) => [`f${i}`, views])),
    },
    ['201', '200'],
  ],
  ['a wrong idle', { ...good, idle: 'never' }, ['idle', '"never"', "'hold'"]],
  ['a wrong decay', { ...good, decay: 'never' }, ['decay', '"never"', "'event'"]],
  ['a duration without a unit', { ...good, lateness: '3' }, ['lateness', '"3"', "'30m'"]],
  [
    'a duration as a number',
    { ...good, outOfOrderness: 3000 },
    ['outOfOrderness', '3000', "'30m'"],
  ],
  [
    'dedupe without a bound',
    { ...good, dedupe: { last: 1e9 } },
    ['dedupe.last', '1000000000', 'dedupe: false'],
  ],
  [
    'dedupe with an unknown option',
    { ...good, dedupe: { over: '1d' } },
    ['dedupe', '"over"', 'within'],
  ],
  [
    'states larger than a record',
    { ...good, stateBytesMax: 2e6 },
    ['stateBytesMax', '2000000', '900000'],
  ],
]

/** Features, each with what the error must say besides the feature's name. */
const wrongFeatures: [what: string, feature: () => unknown, words: string[]][] = [
  [
    'an unknown option',
    () => count({ of: 'A', every: '1h', ovre: '7d' } as object),
    ['"ovre"', 'over'],
  ],
  ['options left out', () => (count as (options?: object) => unknown)(), ['no options', 'count({']],
  ['an empty event name', () => count({ of: '' }), ['of is ""', "'Order Completed'"]],
  ['an event twice', () => count({ of: ['A', 'A'] }), ['["A","A"]', 'different']],
  ['minus without of', () => count({ minus: 'A' }), ['minus', "of: 'Order Completed'"]],
  ['minus the same event', () => count({ of: 'A', minus: 'A' }), ['minus', 'other events']],
  [
    'where that is no function',
    () => count({ where: 'big' } as object),
    ['where is "big"', 'function'],
  ],
  [
    'a window without tiles',
    () => count({ over: '7d' }),
    ['every is undefined', 'both over and every'],
  ],
  [
    'tiles without a window',
    () => count({ every: '1h' }),
    ['over is undefined', 'both over and every'],
  ],
  [
    'a window that is not a multiple of its tile',
    () => count({ over: '7d', every: '5h' }),
    ["'7d'", "'5h'", 'whole number of tiles', "every: '1h'"],
  ],
  [
    'tiles longer than the window',
    () => count({ over: '1h', every: '1d' }),
    ['whole number of tiles'],
  ],
  ['tiles of no length', () => count({ over: '1h', every: '0h' }), ['every is "0h"']],
  [
    'too many tiles',
    () => count({ over: '30d', every: '1m' }),
    ['43200 tiles', '1000', 'longer tiles'],
  ],
  [
    'no value',
    () => sum({ of: 'A' } as Parameters<typeof sum>[0]),
    ['value is undefined', "value: 'price'"],
  ],
  ['a path that is none', () => sum({ of: 'A', value: 'a..b' }), ['"a..b"', 'path']],
  [
    'optional that is neither',
    () => sum({ value: 'a', ...({ optional: 'yes' } as object) }),
    ['optional is "yes"', 'optional: true'],
  ],
  ['keeping none', () => lastDistinct({ value: 'a', keep: 0 }), ['keep is 0', 'keep: 10']],
  ['keeping too many', () => lastDistinct({ value: 'a', keep: 101 }), ['keep is 101', '100']],
  [
    'telling too many apart',
    () => distinct({ value: 'a', exact: 1e6 }),
    ['exact is 1000000', '10000'],
  ],
]

for (const [what, definition, words] of wrong)
  test(`refuses ${what}`, () => refused(definition, ['job', ...words]))

for (const [what, feature, words] of wrongFeatures)
  test(`refuses a feature with ${what}`, () =>
    refused({ ...good, features: { bought: feature() } }, ['job "email"', '"bought"', ...words]))

function refused(definition: object, words: string[]): void {
  assert.throws(
    () => defineJob(definition as JobDefinition),
    (error: unknown) => {
      assert.instance(error, JobError)
      if (!(error instanceof JobError)) return false
      assert.is(error.code, 'bad_definition')
      for (const word of words)
        assert.ok(error.message.includes(word), `${word} in: ${error.message}`)
      return true
    },
  )
}

test.run()
