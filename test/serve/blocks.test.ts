import { type Block, defineBlock } from '../../content/block.ts'
import type { Clock } from '../../runtime/clock.ts'
import { noTelemetry } from '../../runtime/telemetry.ts'
import { BlockAnswers } from '../../serve/block-answers.ts'
import { LastKnown } from '../../serve/last-known.ts'
import { QueueFull } from '../../serve/read-queue.ts'
import { Recommender } from '../../serve/recommender.ts'
import { parseRow, type Row } from '../../serve/row.ts'
import { assert, suite } from '../harness.ts'

const test = suite('answers of blocks')

const cart = defineBlock({
  name: 'cart',
  features: ['cart', 'missing'],
  shape: ({ features }) => (features.cart === undefined ? undefined : { items: features.cart }),
  fallback: { items: ['nothing'] },
  budgetMs: 50,
  bytesMax: 200,
})

/** A clock whose sleeps end when they are told to. */
class HandClock implements Clock {
  time = 1_000
  readonly #sleepers: { at: number; wake: () => void }[] = []
  now = () => this.time
  elapsed = () => this.time
  turn = () => new Promise<void>(resolve => setImmediate(resolve))
  every = () => () => undefined
  sleep(ms: number, signal?: AbortSignal) {
    return new Promise<void>(resolve => {
      signal?.addEventListener('abort', () => resolve(), { once: true })
      this.#sleepers.push({ at: this.time + ms, wake: resolve })
    })
  }
  pass(ms: number) {
    this.time += ms
    for (const { at, wake } of this.#sleepers) if (at <= this.time) wake()
  }
}

class World {
  readonly clock = new HandClock()
  readonly rows = new Map<string, Row>()
  readonly failures: unknown[] = []
  find: (user: string) => Promise<Row | undefined> = async user => this.rows.get(user)
  source: 'live' | 'stale' = 'live'
  #changed: (user: string | undefined) => void = () => undefined
  readonly answers: BlockAnswers

  constructor(block: Block = cart) {
    this.answers = new BlockAnswers({
      features: {
        atHand: () => undefined,
        find: user => this.find(user),
        standingOf: () => ({ source: this.source, ageMs: 12 }),
        standingOfAbsence: () => ({ source: this.source, ageMs: 30 }),
        onChange: listener => {
          this.#changed = user => listener(user, [])
          return () => undefined
        },
      },
      blocks: [block],
      recommender: new Recommender({ products: undefined, catalogue: undefined, pairs: undefined }),
      clock: this.clock,
      telemetry: noTelemetry,
      failed: error => this.failures.push(error),
    })
  }

  put(user: string, features: Record<string, unknown>): void {
    const value = { key: user, version: [1, 0], asOf: 1, features, segments: ['loyal'] }
    const row = parseRow(user, Buffer.from(JSON.stringify(value)), 0)
    if (typeof row === 'string') throw new Error(row)
    this.rows.set(user, row)
    this.#changed(user)
  }

  remove(user: string): void {
    this.rows.delete(user)
    this.#changed(user)
  }

  async ask(user: string | undefined = 'anna', more = {}, block = cart) {
    const { json, ...answer } = await this.answers.answer(block, { user, ...more })
    return { ...answer, content: JSON.parse(json) }
  }
}

const fallback = { source: 'fallback', ageMs: 0, content: { items: ['nothing'] } } as const

test('a known user is shown what is known, with its source and age', async () => {
  const world = new World()
  world.put('anna', { cart: [1], secret: 2 })
  const known = { source: 'live', ageMs: 12, reason: 'known', content: { items: [1] } }
  assert.equal(await world.ask(), known)
  world.source = 'stale'
  assert.equal(await world.ask(), { ...known, source: 'stale' })
})

test('nobody, and nothing to show, and too much of it, are answered with the fallback', async () => {
  const world = new World()
  world.put('empty', {})
  world.put('large', { cart: 'x'.repeat(300) })
  assert.equal(await world.ask('nobody'), { ...fallback, reason: 'unknown_user' })
  assert.equal(await world.ask(undefined), { ...fallback, reason: 'unknown_user' })
  assert.equal(await world.ask('empty'), { ...fallback, reason: 'nothing_to_show' })
  assert.equal(await world.ask('large'), { ...fallback, reason: 'too_large' })
  assert.equal(await world.ask('empty', { overLimit: true }), { ...fallback, reason: 'over_limit' })
})

test('a shape that throws, or makes what no answer can have, is told and costs nobody an email', async () => {
  const throwing = defineBlock({
    ...cart,
    shape: () => {
      throw new Error('no such thing')
    },
  })
  const world = new World(throwing)
  world.put('anna', { cart: [1] })
  assert.equal(await world.ask('anna', {}, throwing), { ...fallback, reason: 'bad_content' })
  assert.is(world.failures.length, 1)
  const reserved = defineBlock({ ...cart, shape: () => ({ source: 'me' }) })
  assert.equal(await world.ask('anna', {}, reserved), { ...fallback, reason: 'bad_content' })
})

test('what does not come within the budget is what was known last, or the fallback', async () => {
  const world = new World()
  world.put('anna', { cart: [1] })
  await world.ask()
  world.find = () => new Promise(() => undefined)
  const asked = world.ask()
  world.clock.pass(49)
  await world.clock.turn()
  world.clock.pass(1)
  const known = { source: 'stale', ageMs: 62, reason: 'out_of_time', content: { items: [1] } }
  assert.equal(await asked, known)

  const other = world.ask('bert', { budgetMs: 10 })
  world.clock.pass(10)
  assert.equal(await other, { ...fallback, reason: 'out_of_time' })
})

test('a view that cannot be read is told, and answered for', async () => {
  const world = new World()
  world.put('anna', { cart: [1] })
  await world.ask()
  world.find = () => Promise.reject(new Error('the disk'))
  assert.is((await world.ask()).reason, 'view_failed')
  assert.is((await world.ask()).source, 'stale')
  assert.equal(await world.ask('bert'), { ...fallback, reason: 'view_failed' })
  assert.is(world.failures.length, 3)
})

test('a view that hangs is not asked by more than some hundreds at once', async () => {
  const world = new World()
  world.find = () => new Promise(() => undefined)
  const hanging = Array.from({ length: 512 }, (_, at) => world.ask(`u${at}`))
  assert.equal(await world.ask('one more'), { ...fallback, reason: 'busy' })
  world.clock.pass(50)
  for (const answer of await Promise.all(hanging)) assert.is(answer.reason, 'out_of_time')
})

test('where too many wait for rows, what is known is answered, and nothing has failed', async () => {
  const world = new World()
  world.put('anna', { cart: [1] })
  await world.ask()
  world.find = () => Promise.reject(new QueueFull())
  const known = { source: 'stale', ageMs: 12, reason: 'busy', content: { items: [1] } }
  assert.equal(await world.ask(), known)
  assert.equal(await world.ask('bert'), { ...fallback, reason: 'busy' })
  assert.equal(world.failures, [])
})

test('whoever was erased does not come back from memory', async () => {
  const world = new World()
  world.put('anna', { cart: [1] })
  await world.ask()
  world.remove('anna')
  world.find = () => Promise.reject(new Error('the disk'))
  assert.equal(await world.ask(), { ...fallback, reason: 'view_failed' })
})

test('whoever is erased while his row is read does not stay in memory', async () => {
  const world = new World()
  world.put('anna', { cart: [1] })
  const row = world.rows.get('anna')
  let found: (row: Row | undefined) => void = () => undefined
  world.find = () =>
    new Promise(resolve => {
      found = resolve
    })
  const asked = world.ask()
  world.remove('anna')
  found(row)
  await asked
  world.find = () => Promise.reject(new Error('the disk'))
  assert.equal(await world.ask(), { ...fallback, reason: 'view_failed' })
})

test('what was known last is kept within its bound, what is known again longest', () => {
  const known = new LastKnown(new HandClock(), 1 << 20)
  const json = (size: number) => JSON.stringify({ text: 'é'.repeat(size) })
  for (let index = 0; index < 2_000; index++) {
    known.keep(`user-${index}`, json(500), 0)
    if (index % 10 === 0) known.keep('often', json(index), index)
  }
  assert.is(known.get('often')?.json, json(1_990))
  assert.is(known.get('user-1999')?.json, json(500))
  const kept = Array.from({ length: 2_000 }, (_, index) => known.get(`user-${index}`))
  const count = kept.filter(each => each !== undefined).length
  assert.ok(count > 300 && count < 1_000, `${count} of 1 KB in 1 MiB`)
  known.keep('large', json(1 << 20), 0)
  assert.is(known.get('large'), undefined, 'nor anything that is larger than the bound')
  known.forget('often')
  assert.is(known.get('often'), undefined)
  known.clear()
  assert.ok(known.isEmpty)
  assert.is(known.get('user-1999'), undefined)
})

test.run()
