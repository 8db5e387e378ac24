import { isIP } from 'node:net'
import { Reader, type Response } from 'mmdb-lib'
import type { Place } from '../jobs/geo.ts'
import type { AnyRow, Table } from '../jobs/table.ts'
import type { TableReport } from './tables.ts'

/**
 * Looks places up in a MaxMind DB, which stays as it is in the bytes. Nothing is kept by address: addresses are
 * personal, and a cache would remember them.
 */
export function geoTable(bytes: Buffer, report: TableReport): Table<AnyRow>['get'] {
  const reader = openReader(bytes, report)
  return address => {
    if (typeof address !== 'string' || isIP(address) === 0) return undefined
    return placeOf(reader.get(address))
  }
}

function openReader(bytes: Buffer, report: TableReport): Reader<Response> {
  try {
    const reader = new Reader(bytes)
    reader.get('0.0.0.0') // a cut file fails now, and not with the first event
    reader.get('255.255.255.255')
    return reader
  } catch (error) {
    return report.fail(
      `it is no MaxMind DB: ${(error as Error).message.slice(0, 200)}; expected a file such as GeoLite2-City.mmdb, unpacked`,
    )
  }
}

/** What MaxMind's schema of countries and cities says of it, and others' that follow it. */
function placeOf(found: unknown): (Place & AnyRow) | undefined {
  const place = {
    ...field('continent', text(found, 'continent', 'code')),
    ...field('country', text(found, 'country', 'iso_code')),
    ...field('region', text(found, 'subdivisions', 0, 'iso_code')),
    ...field('city', text(found, 'city', 'names', 'en')),
    ...field('timeZone', text(found, 'location', 'time_zone')),
  }
  return Object.keys(place).length === 0 ? undefined : Object.freeze(place)
}

function field(name: keyof Place, value: string | undefined): Place {
  return value === undefined ? {} : { [name]: value }
}

function text(found: unknown, ...path: (string | number)[]): string | undefined {
  let value = found
  for (const step of path) {
    if (typeof value !== 'object' || value === null) return undefined
    value = (value as Record<string | number, unknown>)[step]
  }
  return typeof value === 'string' ? value : undefined
}
