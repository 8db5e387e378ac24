import { assert, suite } from '../harness.ts'
import { assertArrived, CALLS, sendAll } from './calls.ts'
import { openPosthog, openRudder, openSegment } from './clients.ts'
import { assertPosthogArrived, sendByPosthog } from './posthog-calls.ts'
import { openSdkWorld, type SdkWorld } from './sdk-world.ts'

/** Real SDKs, unchanged, against the real server: what lies on the topic is what was sent. */
const test = suite('SDKs of servers', { timeoutMs: 60_000 })
let opened: SdkWorld | undefined

test.before(async () => {
  opened = await openSdkWorld()
})
test.after(() => opened?.close())

test('@segment/analytics-node: every call arrives as it was sent', async () => {
  const { url, arrived } = world()
  const segment = openSegment(url, CALLS)
  const failures: unknown[] = []
  segment.on('error', error => failures.push(error))
  sendAll(segment)
  await segment.closeAndFlush()
  const events = await arrived(CALLS)
  assertArrived(events, '@segment/analytics-node')
  assert.equal(failures, [])
})

test('@rudderstack/rudder-sdk-node: every call arrives as it was sent', async () => {
  const { url, arrived } = world()
  const rudder = openRudder(url, CALLS)
  sendAll(rudder)
  await rudder.flush()
  assertArrived(await arrived(CALLS), 'analytics-node')
})

for (const mode of ['v0', 'v1'] as const)
  test(`posthog-node, protocol ${mode}: every call arrives as the one of Segment's that means it`, async () => {
    const { url, arrived } = world()
    const posthog = openPosthog(`${url}/posthog`, mode)
    const failures: unknown[] = []
    posthog.on('error', error => failures.push(error))
    const sent = await sendByPosthog(posthog)
    assertPosthogArrived(await arrived(sent), mode)
    assert.equal(failures, [])
  })

test.run()

function world(): SdkWorld {
  if (opened === undefined) throw new Error('the world is not open')
  return opened
}
