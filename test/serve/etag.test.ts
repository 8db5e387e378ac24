import { etagOf, namesTag } from '../../serve/etag.ts'
import { assert, suite } from '../harness.ts'

const test = suite('etag')

test('a version has a weak tag of its own', () => {
  assert.is(etagOf([12, 3]), 'W/"12-3"')
  assert.is.not(etagOf([1, 23]), etagOf([12, 3]))
})

const naming = [
  'W/"12-3"',
  '"12-3"',
  '*',
  ' * ',
  'W/"1-1", W/"12-3"',
  '"1-1","12-3"',
  ', "1-1" ,, W/"12-3" ,',
  '"a,b", "12-3"',
  '"", "12-3"',
]
for (const header of naming) {
  test(`If-None-Match ${header} names the tag`, () => assert.ok(namesTag(header, 'W/"12-3"')))
}

const other = [
  '',
  '"12-4"',
  'W/"12-"',
  '12-3',
  '"12-3',
  'w/"12-3"',
  '"x "12-3"',
  '"1-1" "12-3"',
  '"1-1", *',
  '"\\"12-3"',
]
for (const header of other) {
  test(`If-None-Match ${header || '(empty)'} does not name the tag`, () =>
    assert.not.ok(namesTag(header, 'W/"12-3"')))
}

test('a long list of tags is read in time linear to its length', () => {
  const header = '"1-1", '.repeat(2_000)
  assert.not.ok(namesTag(header, 'W/"12-3"'))
  assert.not.ok(namesTag(`${' ,'.repeat(8_000)}x`, 'W/"12-3"'))
})

test.run()
