import { createRequire } from 'node:module'
import { Analytics } from '@segment/analytics-node'
import { PostHog } from 'posthog-node'

const require = createRequire(import.meta.url)
const Rudder =
  require('@rudderstack/rudder-sdk-node') as typeof import('@rudderstack/rudder-sdk-node')

/** How often each SDK may try again, where that can be set: enough to see it, and no longer. */
const RETRIES = 2

export function openSegment(url: string, flushAt = 1): Analytics {
  const { origin, pathname } = new URL(url)
  const path = `${pathname.replace(/\/$/, '')}/v1/batch`
  return new Analytics({ writeKey: 'dev', host: origin, path, flushAt, maxRetries: RETRIES })
}

export function openRudder(url: string, flushAt = 1) {
  const silent = { logLevel: 'silly-none', errorHandler: () => undefined }
  return new Rudder('dev', { dataPlaneUrl: url, flushAt, retryCount: RETRIES, ...silent })
}

/** @param mode the protocol: what it speaks unless asked for the other, or that one */
export function openPosthog(url: string, mode: 'v0' | 'v1' = 'v0'): PostHog {
  const before = process.env.POSTHOG_CAPTURE_MODE
  process.env.POSTHOG_CAPTURE_MODE = mode
  const posthog = new PostHog('dev', {
    ...{ host: url, flushAt: 100, flushInterval: 0, fetchRetryDelay: 100 },
    fetchRetryCount: RETRIES,
  })
  if (before === undefined) delete process.env.POSTHOG_CAPTURE_MODE
  else process.env.POSTHOG_CAPTURE_MODE = before
  return posthog
}

/** One event, by each SDK of servers: whether it says that it was delivered. */
export const senders: Readonly<Record<string, (url: string) => Promise<boolean>>> = {
  async '@segment/analytics-node'(url) {
    const analytics = openSegment(url)
    const done = await new Promise<boolean>(resolve => {
      const event = { userId: 'u-1', event: 'Tried' }
      analytics.track(event, error => resolve(error === undefined))
    })
    await analytics.closeAndFlush()
    return done
  },

  async '@rudderstack/rudder-sdk-node'(url) {
    const rudder = openRudder(url)
    return new Promise<boolean>(resolve => {
      const done = (error?: unknown) => resolve(error === undefined)
      rudder.track({ userId: 'u-1', event: 'Tried' }, done)
    })
  },

  'posthog-node': url => sendByPosthog(`${url}/posthog`, 'v0'),
  'posthog-node, its v1': url => sendByPosthog(`${url}/posthog`, 'v1'),
}

async function sendByPosthog(url: string, mode: 'v0' | 'v1'): Promise<boolean> {
  const posthog = openPosthog(url, mode)
  let failed = false
  posthog.on('error', () => {
    failed = true
  })
  posthog.capture({ distinctId: 'u-1', event: 'Tried' })
  await posthog.flush().catch(() => {
    failed = true
  })
  await posthog.shutdown()
  return !failed
}

/** The one that is installed: dependencies are pinned exactly. */
export function versionOf(name: string): string {
  const { devDependencies } = require('../../package.json') as Record<
    string,
    Record<string, string>
  >
  return devDependencies?.[name] ?? 'unknown'
}
