import type { Event } from './event.ts'
import type { Bound, Scope, ZonePlace } from './feature.ts'
import type { CellPlace, JobState, Plain } from './layout.ts'
import { TimeZones } from './time-zone.ts'

/**
 * What a job knows of its users' time zone, once for all its features: `[zone, time of the event that named it]`.
 * All events tell of it, also those that no feature takes.
 */
export function userZone(
  scope: Pick<Scope, 'fail'>,
  given: string,
  cell: (place: Omit<CellPlace, 'id'>) => number,
): { place: ZonePlace; bound: Bound | undefined } {
  const zones = new TimeZones()
  if (zones.knows(given))
    return { place: { zones, of: () => given, user: () => given }, bound: undefined }
  const of = zoneReader(scope, given, zones)
  const at = cell({
    create: () => ['', Number.NEGATIVE_INFINITY],
    merge: (into, from) => ((from[1] as number) > (into[1] as number) ? from : into),
  })
  const cellOf = (state: JobState) => state.cells[at] as Plain[]
  return {
    place: { zones, of, user: state => cellOf(state)[0] as string },
    bound: {
      events: undefined,
      takesLate: false,
      step: {
        read: of,
        update(state, zone, event) {
          const known = cellOf(state)
          if (event.timestamp >= (known[1] as number))
            state.cells[at] = [zone as string, event.timestamp]
        },
      },
    },
  }
}

/** The zone that an event names; `undefined`: none, or none that exists. */
function zoneReader(
  scope: Pick<Scope, 'fail'>,
  given: string,
  zones: TimeZones,
): (event: Event) => string | undefined {
  const [root, ...path] = given.split('.')
  if (path.length === 0 || !(root === 'context' || root === 'properties' || root === 'traits'))
    return scope.fail(
      `the zone is ${JSON.stringify(given)}`,
      "write a path in the event, or a time zone: 'context.timezone', 'Europe/Berlin'",
    )
  return event => {
    let found: unknown = event[root]
    for (const name of path) {
      if (typeof found !== 'object' || found === null) return undefined
      found = (found as Record<string, unknown>)[name]
    }
    return typeof found === 'string' && zones.knows(found) ? found : undefined
  }
}
