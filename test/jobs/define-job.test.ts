import type { JobDefinition } from '../../jobs/define-job.ts'
import { count, defineJob, sum } from '../../jobs/define-job.ts'
import { JobError } from '../../jobs/job.ts'
import { assert, suite } from '../harness.ts'
import { contextOf, eventOf } from './events.ts'

const test = suite('defineJob')

const views = count({ of: 'Product Viewed' })
const good: JobDefinition = { name: 'email', input: 'events', features: { views } }

test('what is left out has its default, and the wrong is found for what is given', () => {
  const { name, input, idle, outOfOrdernessMs, latenessMs, dedupe, stateBytesMax } = defineJob(good)
  assert.equal(
    { name, input, idle, outOfOrdernessMs, latenessMs, dedupe, stateBytesMax },
    {
      name: 'email',
      input: 'events',
      idle: 'wall-clock',
      outOfOrdernessMs: 30_000,
      latenessMs: 86_400_000,
      dedupe: { last: 50, withinMs: 3 * 86_400_000 },
      stateBytesMax: 65_536,
    },
  )
  const given = defineJob({
    ...good,
    idle: 'hold',
    outOfOrderness: '0s',
    lateness: '2w',
    dedupe: false,
    stateBytesMax: 2_048,
  })
  assert.equal(
    [given.idle, given.outOfOrdernessMs, given.latenessMs, given.dedupe, given.stateBytesMax],
    ['hold', 0, 14 * 86_400_000, { last: 0, withinMs: 0 }, 2_048],
  )
})

test('the hash is that of the meaning: neither comments nor formatting nor the order of options change it', () => {
  const hashOf = (where: () => boolean, over: object) =>
    defineJob({ ...good, features: { views: count({ where, ...over }) } }).hash
  const window = { over: '7d', every: '1h' }
  const hash = hashOf(() => 'a b' === ('a b' as string), window)
  // biome-ignore format: the test is about formatting
  const sameHash = hashOf(()   =>   'a b'   ===   ('a b' as string)  , { every: '1h', over: '7d' })
  assert.is(sameHash, hash)
  assert.is.not(
    hashOf(() => 'a b' === ('ab' as string), window),
    hash,
  )
  assert.is.not(
    hashOf(() => 'a b' === ('a b' as string), { over: '6d', every: '1h' }),
    hash,
  )
  assert.is.not(defineJob({ ...good, lateness: '2d' }).hash, defineJob(good).hash)
})

test('the hash is the same when a default is written out, and when only our own code changed', () => {
  const { hash } = defineJob(good)
  assert.is(
    defineJob({ ...good, idle: 'wall-clock', decay: 'time', lateness: '24h', triggers: {} }).hash,
    hash,
  )
  const recompiled = {
    ...views,
    compile: (scope: Parameters<typeof views.compile>[0]) => views.compile(scope),
  }
  assert.is(defineJob({ ...good, features: { views: recompiled } }).hash, hash)
})

test('an event that a feature cannot take is refused with its name, its path and what was found', () => {
  const job = defineJob({
    ...good,
    features: { views, spent: sum({ of: 'Order Completed', value: 'total.net' }) },
  })
  const state = job.create()
  for (const [properties, found] of [
    [{ total: { net: '12' } }, "string '12'"],
    [{ total: 12 }, 'nothing'],
    [{ total: { net: Number.POSITIVE_INFINITY } }, 'number Infinity'],
    [{ total: { net: 12n } }, 'bigint 12n'],
  ] as const)
    assert.throws(
      () => job.absorb(state, eventOf({ event: 'Order Completed', properties }), contextOf()),
      (error: unknown) =>
        error instanceof JobError &&
        error.code === 'bad_value' &&
        ['"spent"', 'properties.total.net', found].every(word => error.message.includes(word)),
    )
  assert.equal(state, job.create())
})

test("a function that throws is told with its feature's name", () => {
  const fail = () => {
    throw new Error('no such field')
  }
  const isTold = (code: string) => (error: unknown) =>
    error instanceof JobError &&
    error.code === code &&
    error.message.includes('"odd"') &&
    error.message.includes('no such field')
  const whereThrows = defineJob({ ...good, features: { odd: count({ where: fail }) } })
  const valueThrows = defineJob({ ...good, features: { odd: sum({ value: fail }) } })
  assert.throws(
    () => whereThrows.absorb(whereThrows.create(), eventOf({}), contextOf()),
    isTold('where_threw'),
  )
  assert.throws(
    () => valueThrows.absorb(valueThrows.create(), eventOf({}), contextOf()),
    isTold('value_threw'),
  )
})

test('a where function that answers neither true nor false is told, and not taken for false', () => {
  const where = (() => Promise.resolve(true)) as () => unknown as () => boolean
  const job = defineJob({ ...good, features: { odd: count({ where }) } })
  assert.throws(
    () => job.absorb(job.create(), eventOf({}), contextOf()),
    (error: unknown) =>
      error instanceof JobError && error.code === 'bad_where' && error.message.includes('Promise'),
  )
})

test('an optional value may be missing, and a wrong one is refused all the same', () => {
  const job = defineJob({ ...good, features: { spent: sum({ value: 'price', optional: true }) } })
  const state = job.create()
  job.absorb(state, eventOf({}), contextOf())
  job.absorb(state, eventOf({ properties: { price: null } }), contextOf())
  job.absorb(state, eventOf({ properties: { price: 2 } }), contextOf())
  assert.throws(
    () => job.absorb(state, eventOf({ properties: { price: '2' } }), contextOf()),
    /bad|expected/,
  )
  assert.equal(job.row(state).features, { spent: 2 })
})

test.run()
