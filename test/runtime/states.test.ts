import fc from 'fast-check'
import { Checkpoint } from '../../runtime/checkpoint.ts'
import { States } from '../../runtime/states.ts'
import { memoryStore } from '../../state/memory-store.ts'
import { PackedValues } from '../../state/packed-values.ts'
import { assert, suite } from '../harness.ts'
import { simJob } from '../simulator/sim-job.ts'

const test = suite('states')
const job = simJob({ idle: 'hold' })
const beginning = { history: 'h', complete: -1, newest: -1, writtenAt: 0 }
const keys = Array.from({ length: 12 }, (_, at) => `k${at}`)

type Act =
  | { do: 'change'; key: string }
  | { do: 'read'; key: string }
  | { do: 'freeze' }
  | { do: 'commit' }
  | { do: 'checkpoint' }

const act: fc.Arbitrary<Act> = fc.oneof(
  { weight: 5, arbitrary: fc.constantFrom(...keys).map((key): Act => ({ do: 'change', key })) },
  { weight: 3, arbitrary: fc.constantFrom(...keys).map((key): Act => ({ do: 'read', key })) },
  { weight: 2, arbitrary: fc.constant<Act>({ do: 'freeze' }) },
  { weight: 2, arbitrary: fc.constant<Act>({ do: 'commit' }) },
  { weight: 1, arbitrary: fc.constant<Act>({ do: 'checkpoint' }) },
)

test('a cache that is far too small loses nothing, whenever commits and checkpoints come', () =>
  fc.assert(
    fc.asyncProperty(
      fc.array(act, { maxLength: 120 }),
      fc.constantFrom(0, 128 * 1024),
      async (script, packedBytes) => {
        const checkpoint = new Checkpoint(memoryStore(), beginning, new PackedValues(packedBytes))
        const states = new States(job, checkpoint, { keysMax: 2 }, false)
        const naive = new Map<string, number>()
        let frozen: ReturnType<typeof freeze> | undefined
        let marker = 0
        const freeze = () =>
          states.freeze().map(entity => ({ entity, bytes: states.encode(entity) }))
        for (const each of script) {
          if (each.do === 'change') {
            const entity = states.get(each.key)
            entity.state.count++
            entity.timerAt = entity.state.count
            states.markDirty(entity)
            naive.set(each.key, (naive.get(each.key) ?? 0) + 1)
          } else if (each.do === 'read')
            assert.is(states.get(each.key).state.count, naive.get(each.key) ?? 0)
          else if (each.do === 'freeze') frozen ??= freeze()
          else if (each.do === 'commit' && frozen) {
            states.committed(frozen, ++marker, 0)
            frozen = undefined
          } else if (each.do === 'checkpoint') await states.checkpoint()
        }
        for (const key of keys) assert.is(states.get(key).state.count, naive.get(key) ?? 0, key)
      },
    ),
    { numRuns: 300 },
  ))

test('a full cache keeps what is dirty or being committed, and what was read last', async () => {
  const store = memoryStore()
  const states = new States(job, new Checkpoint(store, beginning), { keysMax: 4 }, false)
  for (const key of ['dirty', 'committing']) states.markDirty(states.get(key))
  const entity = states.get('committing')
  const frozen = states.freeze().map(each => ({ entity: each, bytes: states.encode(each) }))
  states.markDirty(states.get('dirty'))
  const dirty = states.get('dirty')
  for (let other = 0; other < 100; other++) states.get(`other ${other}`)
  assert.ok(states.cached <= 5, `${states.cached} are cached`)
  assert.is(states.get('dirty'), dirty)
  assert.is(states.get('committing'), entity)
  states.committed(frozen, 1, 0)
})

test('to make room costs about the same in a large cache as in a small one', () => {
  const passing = (cacheMax: number) => {
    const states = new States(
      job,
      new Checkpoint(memoryStore(), beginning),
      { keysMax: cacheMax },
      false,
    )
    let made = 0
    const pass = (count: number) => {
      const startedAt = performance.now()
      for (let each = 0; each < count; each++) states.get(`user ${made++}`)
      return performance.now() - startedAt
    }
    pass(2 * cacheMax)
    return pass(30_000)
  }
  passing(100)
  const [small, large] = [passing(100), passing(30_000)]
  assert.ok(large < 20 * small, `${large} ms, and in a small one ${small} ms`)
})

test('a key is at rest when all of it is in the store', async () => {
  const states = new States(job, new Checkpoint(memoryStore(), beginning), { keysMax: 10 }, false)
  assert.ok(states.atRest('ann'))
  const ann = states.get('ann')
  ann.state.timers = [{ time: 7, name: 'x' }]
  ann.timerAt = 7
  states.markDirty(ann)
  assert.not.ok(states.atRest('ann'), 'dirty')
  const frozen = states.freeze().map(entity => ({ entity, bytes: states.encode(entity) }))
  assert.not.ok(states.atRest('ann'), 'committing')
  states.committed(frozen, 1, 0)
  assert.not.ok(states.atRest('ann'), 'only in the buffer')
  await states.checkpoint()
  assert.ok(states.atRest('ann'))
})

test('is full at its bounds of keys and of bytes', () => {
  const states = new States(
    job,
    new Checkpoint(memoryStore(), beginning),
    { keysMax: 100_000 },
    false,
  )
  const large = states.get('large')
  large.grownBytesMax = 32 * 1024 * 1024
  assert.not.ok(states.full)
  states.markDirty(large)
  assert.ok(states.full)
  states.freeze()
  assert.not.ok(states.full)
  for (let key = 0; key < 50_000; key++) {
    assert.not.ok(states.full)
    states.markDirty(states.get(`k${key}`))
  }
  assert.ok(states.full)
})

test.run()
