import { assert, suite } from '../harness.ts'
import { chainPlants } from '../simulator/chain-plants.ts'
import { firstFailing } from '../simulator/planted.ts'
import { plants, smallBounds } from '../simulator/plants.ts'

/** Those that take a few seeds; `npm run prove` has all. */
const QUICK = ['no fence', 'store written before the commit ended', 'an offset off by one']
const QUICK_CHAINED = ['one more rekeyed record taken for an old one', 'a merge that can be late']
const test = suite('planted bugs')

for (const { name, edits } of plants.filter(plant => QUICK.includes(plant.name))) {
  test(`${name}: found`, async () => {
    const found = await firstFailing(edits, [1, 30])
    assert.ok(found, 'no seed failed')
  })
}

for (const { name, edits, shape } of chainPlants.filter(plant =>
  QUICK_CHAINED.includes(plant.name),
)) {
  test(`${name}: found`, async () => {
    assert.ok(await firstFailing(edits, [1, 30], shape), 'no seed failed')
  })
}

test('an edit that does not fit any more fails, so that no planted bug is tested in vain', async () => {
  const edits = [{ file: 'runtime/commit.ts', find: 'not there', replace: '' }]
  let message = ''
  await firstFailing(edits, [1, 1]).catch((error: Error) => {
    message = error.message
  })
  assert.match(message, /"not there" is 0 times in runtime\/commit\.ts, expected once/)
})

test('with all bounds small, every event takes effect once', async () => {
  assert.is(await firstFailing(smallBounds, [1, 40]), undefined)
})

test.run()
