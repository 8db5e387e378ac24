import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { fromStart, type Progress } from '../../serve/progress.ts'
import { encodeRow } from '../../serve/row.ts'
import { openView } from '../../serve/view.ts'
import { PackedValues } from '../../state/packed-values.ts'
import { assert, suite } from '../harness.ts'

const test = suite('view: against a naive twin')
const NOW = 1_800_000_000_000
const folder = await mkdtemp(join(tmpdir(), 'millrace-view-'))
let view = await openView(folder)
test.after(async () => {
  await view.close()
  await rm(folder, { recursive: true, force: true })
})

const keys = [0, 1].flatMap(partition => [0, 1, 2, 3].map(user => `${partition}-${user}`))
const at = (next: number): Progress => ({ next, atEnd: NOW, newest: NOW, since: NOW })

/** A key is always of the same partition. */
const batch = fc.record({
  partition: fc.nat(1),
  rows: fc.uniqueArray(
    fc.record({
      number: fc.nat(3),
      version: fc.tuple(fc.nat(5), fc.nat(1)),
      segments: fc.subarray(['a', 'b']),
      isGone: fc.nat(4).map(one => one === 0),
    }),
    { selector: ({ number }) => number, maxLength: 4 },
  ),
  next: fc.constantFrom('nothing', 'flush', 'reopen', 'fill', 'begin to fill'),
  memoryBytes: fc.constantFrom(0, 1 << 20),
})

/** All that the disk has, as far as there is room. */
async function fill(): Promise<void> {
  for (let key: string | undefined = ''; key !== undefined; ) key = await view.fillAfter(key)
}

test('rows, their number and who is in a segment are those of a naive view, whatever is flushed or filled when', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(batch, { maxLength: 12 }), async batches => {
      await view.reset('email.features', [fromStart(0, NOW), fromStart(0, NOW)])
      const naive = new Map<string, { version: readonly [number, number]; segments: string[] }>()
      let filling = Promise.resolve()
      for (const [number, { partition, rows, next, memoryBytes }] of batches.entries()) {
        const changes = rows.map(
          ({ number: user, version: [offset, revision], segments, isGone }) => {
            const key = `${partition}-${user}`
            const version = [offset, revision] as const
            const before = naive.get(key)?.version ?? [-1, 0]
            const isOlder = offset < before[0] || (offset === before[0] && revision < before[1])
            if (isGone) naive.delete(key)
            else if (!isOlder) naive.set(key, { version, segments })
            const json = JSON.stringify({ key, segments })
            return [key, isGone ? undefined : encodeRow({ version, partition, json })] as const
          },
        )
        await view.apply(partition, changes, at(number + 1))
        if (next === 'flush') await view.flush()
        await filling
        if (next === 'reopen') {
          await view.close()
          view = await openView(folder, new PackedValues(memoryBytes))
        }
        if (next === 'fill') await fill()
        if (next === 'begin to fill') filling = fill() // the next batch comes meanwhile
        for (const key of keys) {
          assert.equal(
            (view.newest.atHand(key) ?? view.newest.get(key))?.version,
            naive.get(key)?.version,
          )
          assert.equal(view.newest.get(key)?.version, naive.get(key)?.version)
          assert.equal((await view.newest.find(key))?.version, naive.get(key)?.version)
        }
      }
      await filling
      await view.flush()
      assert.is(view.rows, naive.size)
      for (const name of ['a', 'b']) {
        const members = [...naive].flatMap(([key, { segments }]) =>
          segments.includes(name) ? key : [],
        )
        assert.equal((await view.members(name, undefined, 99)).users, members.sort())
      }
    }),
    { numRuns: 80 },
  )
})

test.run()
