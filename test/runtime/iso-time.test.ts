import fc from 'fast-check'
import { isoTime } from '../../runtime/iso-time.ts'
import { assert, suite } from '../harness.ts'

const test = suite('iso-time')

/** What is read of a text in the midst of others. */
function read(text: string): number | undefined {
  const bytes = Buffer.from(`9${text}9`)
  return isoTime(bytes, 1, bytes.length - 1)
}

const pad = (number: number, digits: number) => String(number).padStart(digits, '0')

test('every time in the usual form, with and without milliseconds', () => {
  const date = fc.date({
    min: new Date(Date.UTC(1, 0)),
    max: new Date(Date.UTC(9999, 11)),
    noInvalidDate: true,
  })
  fc.assert(
    fc.property(date, each => {
      const text = each.toISOString()
      assert.is(read(text), each.getTime())
      const short = text.replace(/\.\d+/, '')
      assert.is(read(short), Date.parse(short))
    }),
    { numRuns: 2_000 },
  )
})

test('days, hours, minutes and seconds that no calendar has are not read, or as Date.parse reads them', () => {
  const numbers = fc.tuple(fc.nat(9999), fc.nat(14), fc.nat(33), fc.nat(26), fc.nat(62), fc.nat(62))
  fc.assert(
    fc.property(numbers, fc.nat(999), ([year, month, day, hour, minute, second], ms) => {
      const date = `${pad(year, 4)}-${pad(month, 2)}-${pad(day, 2)}`
      const text = `${date}T${pad(hour, 2)}:${pad(minute, 2)}:${pad(second, 2)}.${pad(ms, 3)}Z`
      const found = read(text)
      if (found !== undefined) assert.is(found, Date.parse(text), text)
    }),
    { numRuns: 5_000 },
  )
  for (const day of [
    '2026-02-29',
    '2026-04-31',
    '1900-02-29',
    '2026-00-10',
    '2026-13-01',
    '2026-01-00',
  ])
    assert.is(read(`${day}T00:00:00Z`), undefined)
  for (const day of ['2024-02-29', '2000-02-29', '0000-02-29', '2026-12-31'])
    assert.is(read(`${day}T23:59:59.999Z`), Date.parse(`${day}T23:59:59.999Z`))
})

test('another form is not read', () => {
  const one = '2026-11-22T10:11:12.345Z'
  for (const at of one.split('').keys())
    for (const letter of ['x', ' ', '\u00e9', '/', ';']) {
      const changed = `${one.slice(0, at)}${letter}${one.slice(at + 1)}`
      assert.is(read(changed), undefined, changed)
    }
  for (const each of [
    '',
    one.slice(1),
    `${one} `,
    '2026-11-22',
    '2026-11-22T10:11:12+01',
    '2026-11-22T10:11:12.3Z',
  ])
    assert.is(read(each), undefined, each)
})

test.run()
