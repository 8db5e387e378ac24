import { QueueFull, ReadQueue } from '../../serve/read-queue.ts'
import { assert, rejects, suite } from '../harness.ts'

const test = suite('queue of reads')

const turn = () => new Promise<void>(resolve => setImmediate(resolve))
const rowOf = (key: string) => (key === 'nobody' ? undefined : Buffer.from(key))

test('what is asked for in one turn is one read, and each gets his own', async () => {
  const reads: (readonly string[])[] = []
  const queue = new ReadQueue(async keys => {
    reads.push(keys)
    return keys.map(rowOf)
  })
  const found = await Promise.all(['anna', 'nobody', 'bert', 'anna'].map(key => queue.get(key)))
  assert.equal(found.map(String), ['anna', 'undefined', 'bert', 'anna'])
  assert.equal(reads, [['anna', 'nobody', 'bert', 'anna']])
})

test('two reads are under way at once, of 256 keys at most; the others wait for them', async () => {
  const reads: { keys: readonly string[]; end: () => void }[] = []
  const queue = new ReadQueue(
    keys =>
      new Promise(resolve => {
        reads.push({ keys, end: () => resolve(keys.map(rowOf)) })
      }),
  )
  const first = Array.from({ length: 300 }, (_, at) => queue.get(`a${at}`))
  await turn()
  const second = Array.from({ length: 300 }, (_, at) => queue.get(`b${at}`))
  await turn()
  assert.equal(
    reads.map(({ keys }) => keys.length),
    [256, 44],
  )
  reads[1]?.end()
  assert.is(String(await first[299]), 'a299')
  await turn()
  assert.is(reads[2]?.keys.length, 256)
  for (const { end } of reads) end()
  await Promise.all(first)
  await turn()
  assert.is(reads[3]?.keys.length, 44)
  reads[3]?.end()
  assert.is(String((await Promise.all(second))[299]), 'b299')
})

test('a row that cannot be read fails who asked for it, and nobody else', async () => {
  const queue = new ReadQueue(async keys => {
    if (keys.includes('damaged')) throw new Error('damaged')
    return keys.map(rowOf)
  })
  const asked = ['anna', 'damaged', 'bert'].map(key => queue.get(key))
  const found = await Promise.allSettled(asked)
  assert.equal(
    found.map(({ status }) => status),
    ['fulfilled', 'rejected', 'fulfilled'],
  )
  assert.is(String(await queue.get('carl')), 'carl')
})

test('a store that hangs is waited for by so many, and answers again when it goes on', async () => {
  let goOn: () => void = () => undefined
  const stalled = new Promise<void>(resolve => {
    goOn = resolve
  })
  const queue = new ReadQueue(async keys => {
    await stalled
    return keys.map(rowOf)
  })
  const hanging = queue.getMany(Array.from({ length: 512 }, (_, at) => `a${at}`))
  await turn()
  const waiting = queue.getMany(Array.from({ length: 8_192 }, (_, at) => `b${at}`))
  const refused = await queue.get('one more').catch((error: unknown) => error)
  assert.instance(refused, QueueFull)
  assert.equal(refused instanceof QueueFull && [refused.status, refused.headers], [
    503,
    { 'retry-after': '1' },
  ])
  await rejects(() => queue.getMany(['another']), /does not keep up/)
  goOn()
  assert.is(String((await hanging)[511]), 'a511')
  assert.is(String((await waiting)[8_191]), 'b8191')
  assert.is(String(await queue.get('one more')), 'one more')
})

test.run()
