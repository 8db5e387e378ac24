import { encodeRow, type Row } from '../../serve/row.ts'
import { RowMemory } from '../../serve/row-memory.ts'
import { PackedValues } from '../../state/packed-values.ts'
import { assert, suite } from '../harness.ts'

const test = suite('memory of rows')

function encoded(key: string, text = 'x'): Buffer {
  const row: Row = { version: [1, 0], partition: 0, json: JSON.stringify({ key, text }) }
  return encodeRow(row)
}

const textOf = (row: Row | undefined) => row && JSON.parse(row.json).text

/** A disk whose reads end when they are told to. */
class HandDisk {
  readonly rows = new Map<string, Buffer>()
  readonly asked: string[] = []
  readonly #ends: (() => void)[] = []
  isHeld = false

  put(key: string, text = 'x') {
    this.rows.set(key, encoded(key, text))
  }

  get(key: string): Promise<Buffer | undefined> {
    this.asked.push(key)
    const found = this.rows.get(key)
    if (!this.isHeld) return Promise.resolve(found)
    return new Promise(resolve => {
      this.#ends.push(() => resolve(found))
    })
  }

  release() {
    for (const end of this.#ends.splice(0)) end()
  }
}

test('a row is read from the disk once', async () => {
  const disk = new HandDisk()
  const memory = new RowMemory(disk, new PackedValues(1 << 20))
  disk.put('anna')
  assert.is(memory.get('anna'), undefined)
  assert.is((await memory.find('anna'))?.json, '{"key":"anna","text":"x"}')
  assert.equal(await memory.find('anna'), memory.get('anna'))
  assert.is(await memory.find('nobody'), undefined)
  assert.is(await memory.find('nobody'), undefined)
  assert.equal(disk.asked, ['anna', 'nobody', 'nobody'])
})

test('a row that changes is the new one at once, and one that is erased is none', () => {
  const memory = new RowMemory(new HandDisk(), new PackedValues(1 << 20))
  memory.change('anna', encoded('anna', 'first'))
  assert.is(textOf(memory.get('anna')), 'first')
  memory.change('anna', encoded('anna', 'the second, which is longer'))
  assert.is(textOf(memory.get('anna')), 'the second, which is longer')
  memory.add('anna', encoded('anna', 'of the disk'))
  assert.is(textOf(memory.get('anna')), 'the second, which is longer')
  memory.change('anna', undefined)
  assert.is(memory.get('anna'), undefined)
})

test('what changes, or is erased, while it is being read is not remembered as it was', async () => {
  const disk = new HandDisk()
  const packed = new PackedValues(1 << 20)
  const memory = new RowMemory(disk, packed)
  disk.put('anna')
  disk.isHeld = true
  for (const change of [() => memory.change('anna', undefined), () => memory.clear()]) {
    const reading = memory.find('anna')
    change()
    disk.release()
    assert.is((await reading)?.partition, 0)
    assert.is(memory.get('anna'), undefined)
  }

  const before = memory.find('anna')
  memory.change('anna', encoded('anna', 'new'))
  disk.release()
  assert.is(textOf(await before), 'x')
  assert.is(textOf(memory.get('anna')), 'new')
})

test('it is bounded, and forgets those first that were not asked for lately', async () => {
  const disk = new HandDisk()
  const memory = new RowMemory(disk, new PackedValues(128 << 10))
  for (let at = 0; at < 4_000; at++) {
    disk.put(`u${at}`)
    await memory.find(`u${at}`)
    await memory.find('u0')
  }
  const kept = Array.from({ length: 4_000 }, (_, at) => `u${at}`).filter(key => memory.get(key))
  assert.ok(kept.length > 500 && kept.length < 1_700, `${kept.length} are kept`)
  assert.equal([kept[0], kept.at(-1)], ['u0', 'u3999'])
  assert.not(kept.includes('u2000'))
})

test('while there is room it takes all rows, and then only changes those that it has', () => {
  const memory = new RowMemory(new HandDisk(), new PackedValues(128 << 10))
  let taken = 0
  while (memory.hasRoom && taken < 9_000) {
    memory.change(`u${taken}`, encoded(`u${taken}`))
    assert.is(textOf(memory.get(`u${taken++}`)), 'x')
  }
  assert.ok(taken > 1_000 && taken < 2_000, `${taken} were taken`)
  memory.change('late', encoded('late'))
  assert.is(memory.get('late'), undefined)
  memory.change(`u${taken - 1}`, encoded(`u${taken - 1}`, 'y'))
  assert.is(textOf(memory.get(`u${taken - 1}`)), 'y')
  memory.clear()
  memory.change('late', encoded('late'))
  assert.is(textOf(memory.get('late')), 'x')
  assert.is(memory.get(`u${taken - 1}`), undefined)
})

test('after it was cleared, as many rows again find room, wherever the hand was', () => {
  const memory = new RowMemory(new HandDisk(), new PackedValues(128 << 10))
  const keys = Array.from({ length: 900 }, (_, at) => `u${at}`)
  for (const key of keys) memory.change(key, encoded(key))
  assert.ok(memory.hasRoom)
  memory.clear()
  for (const key of keys) memory.change(key, encoded(key, 'y'))
  assert.equal(
    keys.filter(key => textOf(memory.get(key)) !== 'y'),
    [],
  )
})

test('without memory all is read from the disk', async () => {
  const disk = new HandDisk()
  const memory = new RowMemory(disk, new PackedValues(0))
  disk.put('anna')
  assert.not(memory.hasRoom)
  for (let time = 0; time < 2; time++) assert.is(textOf(await memory.find('anna')), 'x')
  assert.equal(disk.asked, ['anna', 'anna'])
  memory.clear()
  assert.not(memory.hasRoom)
})

test.run()
