import { encodeRow, type Row } from '../../serve/row.ts'
import { RowMemory } from '../../serve/row-memory.ts'
import { assert, suite } from '../harness.ts'

const test = suite('memory of rows')

/** A disk whose reads end when they are told to. */
class HandDisk {
  readonly rows = new Map<string, Buffer>()
  readonly asked: string[] = []
  readonly #ends: (() => void)[] = []
  isHeld = false

  put(key: string, text = 'x') {
    const row: Row = { version: [1, 0], partition: 0, json: JSON.stringify({ key, text }) }
    this.rows.set(key, encodeRow(row))
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
  const memory = new RowMemory(disk)
  disk.put('anna')
  assert.is(memory.get('anna'), undefined)
  assert.is((await memory.find('anna'))?.json, '{"key":"anna","text":"x"}')
  assert.is(await memory.find('anna'), memory.get('anna'))
  assert.is(await memory.find('nobody'), undefined)
  assert.is(await memory.find('nobody'), undefined)
  assert.equal(disk.asked, ['anna', 'nobody', 'nobody'])
})

test('a row that changed, or was erased, is not remembered, also when it was being read', async () => {
  const disk = new HandDisk()
  const memory = new RowMemory(disk)
  disk.put('anna')
  await memory.find('anna')
  memory.forget('anna')
  assert.is(memory.get('anna'), undefined)

  disk.isHeld = true
  for (const change of [() => memory.forget('anna'), () => memory.clear()]) {
    const reading = memory.find('anna')
    change()
    disk.release()
    assert.is((await reading)?.partition, 0)
    assert.is(memory.get('anna'), undefined)
  }

  const before = memory.find('anna')
  memory.forget('anna')
  disk.put('anna', 'new')
  const after = memory.find('anna')
  disk.release()
  await Promise.all([before, after])
  assert.is(memory.get('anna')?.json, '{"key":"anna","text":"new"}')
})

test('it is bounded, and forgets those first that were not asked for lately', async () => {
  const disk = new HandDisk()
  const memory = new RowMemory(disk, 100_000)
  for (let at = 0; at < 1_000; at++) {
    disk.put(`u${at}`)
    await memory.find(`u${at}`)
    await memory.find('u0')
  }
  const kept = Array.from({ length: 1_000 }, (_, at) => `u${at}`).filter(key => memory.get(key))
  assert.ok(kept.length > 100 && kept.length < 400, `${kept.length} are kept`)
  assert.equal([kept[0], kept.at(-1)], ['u0', 'u999'])
  assert.not(kept.includes('u500'))
})

test.run()
