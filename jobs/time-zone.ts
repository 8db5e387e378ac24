const dayMs = 86_400_000
/** Offsets change at a quarter of an hour at the finest. */
const stepMs = 900_000
/** More than there are; beyond, zones are looked up anew each time. */
const zonesMax = 1_000

/**
 * Quarters of an hour whose answers are kept, of each zone: to ask ICU takes some 20 µs, and an event is asked about
 * several times, as are the days that begin before and after it.
 */
const kept = 256

interface Zone {
  readonly format: Intl.DateTimeFormat
  /** By the rest of a division by `kept`: of which quarter of an hour an answer is kept. */
  readonly steps: Float64Array
  /** The answers. */
  readonly offsetsMs: Int32Array
}

/**
 * Days and hours as a person's clock shows them, by the time zone data of Node's own ICU. Pure answers; what is
 * kept only saves time. A zone is an IANA name; '' is UTC.
 */
export class TimeZones {
  readonly #zones = new Map<string, Zone>()

  /** Whether Node knows the name, such as 'Europe/Berlin'. */
  knows(name: string): boolean {
    return this.#zoneOf(name) !== undefined
  }

  /** Days since 1970 on the zone's clock. */
  day(time: number, zone: string): number {
    return Math.floor((time + this.#offsetMs(time, zone)) / dayMs)
  }

  /** The hour on the zone's clock, 0 to 23. */
  hour(time: number, zone: string): number {
    return Math.floor(mod(time + this.#offsetMs(time, zone), dayMs) / 3_600_000)
  }

  /** The weekday on the zone's clock, 0 (Monday) to 6. */
  weekday(time: number, zone: string): number {
    return mod(this.day(time, zone) + 3, 7) // 1970 began on a Thursday
  }

  /** Epoch ms at which a day begins on the zone's clock; later than `after`. */
  startOfDay(day: number, zone: string, after: number): number {
    let start = day * dayMs - this.#offsetMs(day * dayMs, zone)
    start = day * dayMs - this.#offsetMs(start, zone) // the offset may change in that very night
    while (this.day(start, zone) < day) start += stepMs // midnight itself was skipped
    return Math.max(start, after + 1)
  }

  #offsetMs(time: number, name: string): number {
    const zone = name === '' ? undefined : this.#zoneOf(name)
    if (zone === undefined || !Number.isFinite(time)) return 0
    const step = Math.floor(time / stepMs)
    const at = mod(step, kept)
    if (zone.steps[at] !== step) {
      zone.offsetsMs[at] = localTime(zone.format, step * stepMs) - step * stepMs
      zone.steps[at] = step
    }
    return zone.offsetsMs[at] as number
  }

  #zoneOf(name: string): Zone | undefined {
    const known = this.#zones.get(name)
    if (known !== undefined) return known
    const format = formatOf(name)
    if (format === undefined) return undefined
    const steps = new Float64Array(kept).fill(Number.NaN)
    const zone = { format, steps, offsetsMs: new Int32Array(kept) }
    if (this.#zones.size < zonesMax) this.#zones.set(name, zone)
    return zone
  }
}

function formatOf(timeZone: string): Intl.DateTimeFormat | undefined {
  if (!/^[A-Za-z][A-Za-z0-9_+/-]{0,63}$/.test(timeZone)) return undefined
  try {
    return new Intl.DateTimeFormat('en-US', {
      ...{ timeZone, hourCycle: 'h23', year: 'numeric', month: 'numeric', day: 'numeric' },
      ...{ hour: 'numeric', minute: 'numeric', second: 'numeric' },
    })
  } catch (error) {
    if (error instanceof RangeError) return undefined // no zone that this Node knows
    throw error
  }
}

function localTime(format: Intl.DateTimeFormat, time: number): number {
  const parts: Record<string, number> = {}
  for (const { type, value } of format.formatToParts(time)) parts[type] = Number(value)
  const { year = 0, month = 1, day = 1, hour = 0, minute = 0, second = 0 } = parts
  return Date.UTC(year, month - 1, day, hour, minute, second)
}

function mod(value: number, modulus: number): number {
  return ((value % modulus) + modulus) % modulus
}
