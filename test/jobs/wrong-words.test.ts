import type { JobDefinition } from '../../jobs/define-job.ts'
import * as language from '../../jobs/define-job.ts'
import { suite } from '../harness.ts'
import { call, refused } from './refused.ts'

const test = suite('words that are written wrongly')

const of = 'Product Viewed'
const views = language.count({ of })
const good: JobDefinition = { name: 'email', input: 'events', features: { views } }

/** Features, each with what the error must say besides the feature's name. */
const features: [what: string, feature: () => unknown, words: string[]][] = [
  [
    'average without a value',
    () => call('average', { of }),
    ['value is undefined', "value: 'price'"],
  ],
  [
    'average of a wrong option',
    () => call('average', { of, value: 'a', p: 5 }),
    ['"p"', 'optional'],
  ],
  ['min without a value', () => call('min', { of }), ['value is undefined']],
  ['firstValue without a value', () => call('firstValue', { of }), ['value is undefined']],
  [
    'firstTime in a window',
    () => call('firstTime', { of, over: '7d', every: '1h' }),
    ['"over"', 'of, where, purpose'],
  ],
  ['a ratio of nothing', () => call('ratio', { per: of }), ['no of', "per: '"]],
  ['a ratio by nothing', () => call('ratio', { of }), ['no per', "per: '"]],
  ['topK without k', () => call('topK', { of, value: 'a' }), ['k is undefined', 'k: 3']],
  ['topK of too many', () => call('topK', { of, value: 'a', k: 101 }), ['k is 101', '1 to 100']],
  [
    'topK with fewer that compete',
    () => call('topK', { of, value: 'a', k: 5, compete: 4 }),
    ['compete is 4', '5 to 1000'],
  ],
  [
    'topK with a half-life that is none',
    () => call('topK', { of, value: 'a', k: 5, halfLife: '2 weeks' }),
    ['halfLife is "2 weeks"', "'7d'"],
  ],
  [
    'topK with a weight that is none',
    () => call('topK', { of, value: 'a', k: 5, weight: 3 }),
    ['weight is 3', 'path'],
  ],
  ['decayedCount without half-life', () => call('decayedCount', { of }), ['halfLife', "'7d'"]],
  [
    'decayedCount in a window',
    () => call('decayedCount', { of, halfLife: '7d', over: '7d', every: '1d' }),
    ['"over"', 'halfLife'],
  ],
  ['histogram by nothing', () => call('histogram', { of }), ['by is undefined', "by: 'price'"]],
  [
    'histogram with edges that fall',
    () => call('histogram', { of, by: 'price', edges: [5, 1] }),
    ['edges is [5,1]', 'rising'],
  ],
  [
    'histogram without an edge',
    () => call('histogram', { of, by: 'price', edges: [] }),
    ['edges is []', '[10, 50]'],
  ],
  [
    'histogram with an edge that is no number',
    () => call('histogram', { of, by: 'price', edges: ['a'] }),
    ['edges is ["a"]', 'numbers'],
  ],
  [
    'histogram with edges that are none',
    () => call('histogram', { of, by: 'price', edges: 10 }),
    ['edges is 10', '[10, 50]'],
  ],
  [
    'histogram of too many labels',
    () => call('histogram', { of, by: 'a', labelsMax: 5_000 }),
    ['labelsMax is 5000', '1000'],
  ],
  [
    'histogram with a zone that is none',
    () => call('histogram', { of, by: 'hour', zone: 'Mars/Base' }),
    ['"Mars/Base"', "'context.timezone'"],
  ],
  [
    'percentile without p',
    () => call('percentile', { of, value: 'a' }),
    ['p is undefined', 'p: 50'],
  ],
  [
    'percentile above 100',
    () => call('percentile', { of, value: 'a', p: 101 }),
    ['p is 101', '0 to 100'],
  ],
  [
    'derive of nothing',
    () => call('derive', { value: () => 1 }),
    ['from is undefined', "from: ['spend', 'orders']"],
  ],
  [
    'derive of a feature that is not there',
    () => call('derive', { from: 'ordres', value: () => 1 }),
    ['"ordres"', 'choose among views'],
  ],
  [
    'derive without a function',
    () => call('derive', { from: 'views', value: 'views' }),
    ['value is no function', 'spend / orders'],
  ],
  [
    'derive for a purpose',
    () => call('derive', { from: 'views', value: () => 1, purpose: 'Ads' }),
    ['"purpose"', 'from and value'],
  ],
  [
    'process without create',
    () => call('process', { on: () => undefined }),
    ['create is no function', 'write create:'],
  ],
  [
    'process without on',
    () => call('process', { create: () => 1 }),
    ['on is no function', 'write on:'],
  ],
  [
    'process with a timer that is none',
    () => call('process', { create: () => 1, on: () => 1, timer: '1h' }),
    ['timer is no function'],
  ],
  [
    'process with an unknown option',
    () => call('process', { create: () => 1, on: () => 1, over: '7d' }),
    ['"over"', 'create, on'],
  ],
  [
    'a window that is a text',
    () => call('count', { of, window: '7d' }),
    ['window is "7d"', "rolling('7d', '1h')"],
  ],
  [
    'a window that is a function',
    () => call('count', { of, window: language.sessions }),
    ['window', "sessions('30m')"],
  ],
  [
    'a window and over',
    () => call('count', { of, over: '7d', every: '1d', window: language.tumbling('1d') }),
    ['both a window and over', 'only window'],
  ],
  [
    'sessions without a gap',
    () => call('count', { of, window: call('sessions') }),
    ['the gap is undefined', "'30m'"],
  ],
  [
    'hopping that is no multiple',
    () => call('count', { of, window: language.hopping('1h', '7m') }),
    ["'1h'", "'7m'", 'whole number of tiles'],
  ],
  [
    'rolling without tiles',
    () => call('count', { of, window: call('rolling', '7d') }),
    ['every is undefined', 'both over and every'],
  ],
  [
    'days in a zone that is none',
    () => call('count', { of, window: language.days('Mars/Base') }),
    ['"Mars/Base"', "'context.timezone'"],
  ],
  [
    'a purpose that is none',
    () => call('count', { of, purpose: true }),
    ['purpose is true', "'Advertising'"],
  ],
  ['of that is no name', () => call('count', { of: 7 }), ['of is 7', "of: 'Order Completed'"]],
]

/** Words called without anything. */
const empty = [
  'count',
  'sum',
  'average',
  'ratio',
  'min',
  'max',
  'firstValue',
  'lastValue',
  'firstTime',
  'lastTime',
]
const emptyToo = [
  'distinct',
  'lastDistinct',
  'topK',
  'decayedCount',
  'histogram',
  'percentile',
  'derive',
  'process',
]

for (const [what, feature, words] of features)
  test(`refuses ${what}`, () => {
    const definition = () => ({ ...good, features: { views, bought: feature() } })
    refused(definition, ['job "email"', '"bought"', ...words])
  })

for (const word of [...empty, ...emptyToo])
  test(`refuses ${word} without options`, () => {
    const definition = () => ({ ...good, features: { views, bought: call(word) } })
    refused(definition, ['job "email"', '"bought"', 'options'])
  })

test.run()
