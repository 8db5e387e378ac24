import { mkdtemp, rm, utimes, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { formats } from '../../content/format.ts'
import { openTemplates, ownTemplates } from '../../content/template-folder.ts'
import { assert, rejects, suite } from '../harness.ts'
import { mjml, row } from './own-templates.ts'

const test = suite('a folder of templates, and what goes into them')
let folder = ''

test.before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'millrace-templates-'))
})
test.after(() => rm(folder, { recursive: true }))

function write(name: string, text: string): Promise<void> {
  return writeFile(join(folder, `${name}.mjml`), mjml(row(`<mj-text>${text}</mj-text>`)))
}

test('a template is compiled once, and again when its file has changed', async () => {
  await write('one', 'first')
  const templates = openTemplates(folder)
  const first = await templates.find('one')
  assert.is(await templates.find('one'), first)
  await write('one', 'other')
  await utimes(join(folder, 'one.mjml'), 1, 2)
  assert.is((await templates.find('one'))?.render({}).text, 'other\n')
})

test('so many stay compiled as were said, those that were asked for last', async () => {
  for (const name of ['a', 'b', 'c']) await write(name, name)
  const templates = openTemplates(folder, { keptMax: 2 })
  const [a, b] = [await templates.find('a'), await templates.find('b')]
  assert.is(await templates.find('a'), a)
  await templates.find('c')
  assert.is(await templates.find('a'), a)
  assert.is.not(await templates.find('b'), b)
})

test('a name is no path, an unknown one is none, a wrong template names its file', async () => {
  const templates = openTemplates(folder)
  for (const name of ['../one', 'one.mjml', '', 'nope', 'x'.repeat(65)])
    assert.is(await templates.find(name), undefined)
  await write('wrong', '{{{a}}}')
  await rejects(() => templates.find('wrong'), /wrong\.mjml:3: three braces/)
})

test('the package brings its own', async () => {
  assert.equal(await openTemplates(ownTemplates()).names(), [
    'abandoned-cart',
    'order-confirmation',
    'recommendations',
  ])
})

test('prices and dates are written as the reader writes them, and are empty where there is none', () => {
  const german = formats({ locale: 'de-DE', currency: 'EUR', timeZone: 'Europe/Vienna' })
  const english = formats({ locale: 'en-GB', currency: 'GBP', timeZone: 'UTC' })
  const at = Date.UTC(2026, 10, 22, 23, 30)
  assert.is(german.price(1234.5), '1.234,50\u00a0€')
  assert.is(english.price(8, 'EUR'), '€8.00')
  assert.is(english.price(8, 'nonsense'), '£8.00')
  assert.is(german.date(at), '23. November 2026')
  assert.is(english.date(at), '22 November 2026')
  assert.match(english.time(at), '23:30')
  assert.is(english.number(12_345.6), '12,346')
  for (const none of [undefined, null, '8', Number.NaN, 9e15]) assert.is(english.date(none), '')
  for (const none of [undefined, null, '8', Number.NaN]) assert.is(english.price(none), '')
  assert.equal([english.price(-0), english.price(0)], ['£0.00', '£0.00'])
  assert.throws(() => formats({ locale: 'de-DE', currency: 'EURO', timeZone: 'UTC' }), RangeError)
})

test.run()
