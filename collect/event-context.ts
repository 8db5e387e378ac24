import { isObject } from './fault.ts'
import type { Arrival } from './intake.ts'

/** Libraries that run on servers: who sent the request is not who did what it tells. */
const serverLibraries = new Set([
  ...['@segment/analytics-node', 'analytics-node', 'analytics-python', 'segment-analytics-python'],
  ...['analytics-ruby', 'analytics-go', 'analytics-java', 'analytics-php', 'Analytics.NET'],
  ...['analytics-csharp', 'analytics-rust', 'RudderStack Node.js SDK', 'rudder-sdk-node'],
  ...['posthog-node', 'posthog-python'],
])

/**
 * The event's context, with the sender's address and browser where it names none; the one that was given is changed, a
 * copy for each event would be a twentieth of all that it costs. Null stands for "not to be known": it is left
 * out, and nothing put in its place. `undefined`: there is nothing to tell.
 */
export function contextOf(
  given: unknown,
  { ip, userAgent }: Arrival,
): Readonly<Record<string, unknown>> | undefined {
  if (!isObject(given))
    return ip === undefined && userAgent === undefined ? undefined : told(ip, userAgent)
  const byServer = isServerLibrary(given.library)
  if (given.ip === null) delete given.ip
  else if (given.ip === undefined && ip !== undefined && !byServer) given.ip = ip
  if (given.userAgent === null) delete given.userAgent
  else if (given.userAgent === undefined && userAgent !== undefined && !byServer)
    given.userAgent = userAgent
  return given
}

function told(ip: string | undefined, userAgent: string | undefined) {
  return { ...(ip !== undefined && { ip }), ...(userAgent !== undefined && { userAgent }) }
}

/** Whether a context's `library` is one that runs on servers. */
export function isServerLibrary(library: unknown): boolean {
  return isObject(library) && typeof library.name === 'string' && serverLibraries.has(library.name)
}
