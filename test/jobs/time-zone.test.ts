import fc from 'fast-check'
import { TimeZones } from '../../jobs/time-zone.ts'
import { assert, suite } from '../harness.ts'

const test = suite('time zones')

/** Whole hours, half and quarter ones, nights of half an hour more, and a day that was left out (Apia, 30 December 2011). */
const names = ['Europe/Berlin', 'Asia/Kathmandu', 'Australia/Lord_Howe', 'Pacific/Apia']
const quarterMs = 900_000
const from = Date.UTC(2011, 0)
const formats = new Map(names.map(name => [name, formatOf(name)]))

test('days and hours are those of ICU, whatever was asked before', () => {
  const zones = new TimeZones()
  const night = Date.UTC(2011, 3, 2, 15) // Lord Howe's clock goes back half an hour
  const time = fc.oneof(
    fc.integer({ min: from, max: Date.UTC(2027, 0) }),
    fc.integer({ min: night - 2 * quarterMs, max: night + 2 * quarterMs }),
    fc.nat(40).map(round => from + round * 256 * quarterMs), // answers that are kept in one place
  )
  fc.assert(
    fc.property(fc.constantFrom(...names), fc.array(time, { maxLength: 20 }), (name, times) => {
      for (const each of times) {
        const { day, hour } = byIcu(name, each)
        assert.equal([zones.day(each, name), zones.hour(each, name)], [day, hour])
      }
    }),
    { numRuns: 300 },
  )
})

test('a day begins at the first moment that the clock shows it', () => {
  const zones = new TimeZones()
  for (const name of names)
    for (let day = 15_050; day < 15_450; day++) {
      const start = zones.startOfDay(day, name, 0)
      assert.ok(zones.day(start, name) >= day, `${name}, day ${day}`)
      assert.ok(zones.day(start - 1, name) < day, `${name}, day ${day}`)
    }
})

test.run()

function formatOf(timeZone: string): Intl.DateTimeFormat {
  return new Intl.DateTimeFormat('sv-SE', { timeZone, dateStyle: 'short', timeStyle: 'medium' })
}

/** From a format that the code does not use: `2011-12-31 00:00:00`. */
function byIcu(name: string, time: number): { day: number; hour: number } {
  const text = formats.get(name)?.format(time) ?? ''
  return {
    day: Date.parse(`${text.slice(0, 10)}T00:00:00Z`) / 86_400_000,
    hour: Number(text.slice(11, 13)),
  }
}
