import { fill, fillUrl, placesIn, putAt, valueAt } from '../../collect/template.ts'
import { assert, suite } from '../harness.ts'

const test = suite('template')
const item = { id: 7, name: 'a b', nested: { vip: false, tags: ['x', 'y'] }, none: null, empty: '' }
const lookup = (path: string) => valueAt(item, path)

test('a text that is one place becomes what is there, of its type, and nothing where nothing is', () => {
  assert.equal(
    fill(
      { id: '{id}', vip: '{nested.vip}', tags: '{nested.tags}', none: '{none}', no: '{no}' },
      lookup,
    ),
    { id: 7, vip: false, tags: ['x', 'y'] },
  )
})

test('in a longer text places become text, and half an id is no id', () => {
  assert.equal(
    fill(
      { id: 'crm-{id}-{nested.tags.1}', half: 'crm-{no}', object: 'x{nested}', e: 'x{empty}' },
      lookup,
    ),
    { id: 'crm-7-y' },
  )
})

test('what is no text stays as it is, and lists leave out what is missing', () => {
  assert.equal(fill([1, null, '{no}', ['{id}'], { a: true }], lookup), [1, null, [7], { a: true }])
})

test('a URL has each place as one component, and no parameter of a place that holds nothing', () => {
  assert.is(
    fillUrl('https://h/{name}/x?limit=3&q={name}&after={no}&a=1?2', lookup),
    'https://h/a%20b/x?limit=3&q=a%20b&a=1?2',
  )
  assert.is(fillUrl('https://h/x?after={no}', lookup), 'https://h/x')
  assert.equal(placesIn({ a: ['{one}', { b: 'x{two.x}{three}' }] }), ['one', 'two.x', 'three'])
})

test('only what a value itself has is found, and nothing is put into a prototype', () => {
  assert.is(valueAt({}, 'constructor.name'), undefined)
  const target: Record<string, unknown> = {}
  putAt(target, 'a.b', 1)
  putAt(target, 'a.c', 2)
  putAt(target, '__proto__.polluted', 3)
  assert.equal(target.a, { b: 1, c: 2 })
  assert.is(Object.getPrototypeOf(target), Object.prototype)
  assert.is(({} as Record<string, unknown>).polluted, undefined)
  assert.throws(() => putAt(target, 'a.b.c', 1), /"a.b.c" lies in something that is no object/)
})

test.run()
