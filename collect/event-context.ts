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
 * The event's context, with the sender's address and browser where it names none. Null stands for "not to be
 * known": it is left out, and nothing put in its place. `undefined`: there is nothing to tell.
 */
export function contextOf(
  given: unknown,
  { ip, userAgent }: Arrival,
): Readonly<Record<string, unknown>> | undefined {
  const context = isObject(given) ? given : undefined
  const byServer = context !== undefined && serverLibraries.has(libraryOf(context))
  const addsIp = ip !== undefined && !byServer && context?.ip === undefined
  const addsAgent = userAgent !== undefined && !byServer && context?.userAgent === undefined
  if (!addsIp && !addsAgent && context?.ip !== null && context?.userAgent !== null) return context
  const filled: Record<string, unknown> = { ...context }
  if (addsIp) filled.ip = ip
  else if (filled.ip === null) delete filled.ip
  if (addsAgent) filled.userAgent = userAgent
  else if (filled.userAgent === null) delete filled.userAgent
  return filled
}

function libraryOf({ library }: Readonly<Record<string, unknown>>): string {
  return isObject(library) && typeof library.name === 'string' ? library.name : ''
}
