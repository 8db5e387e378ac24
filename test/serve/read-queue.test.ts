import { ReadQueue } from '../../serve/read-queue.ts'
import { assert, suite } from '../harness.ts'

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

test.run()
