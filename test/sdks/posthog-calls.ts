import type { PostHog } from 'posthog-node'
import { assert } from '../harness.ts'
import type { Arrived } from './sdk-world.ts'

const timestamp = new Date('2026-11-01T08:00:00.123Z')
const user = { distinctId: 'u-1' }

/** Every call of posthog-node that sends something; answers how many events that makes. */
export async function sendByPosthog(posthog: PostHog): Promise<number> {
  const order = { revenue: 9.5, items: [{ id: 'rake' }] }
  posthog.capture({ ...user, event: 'Order Completed', properties: order, timestamp })
  const page = { $current_url: 'https://shop.example/a', title: 'A' }
  posthog.capture({ ...user, event: '$pageview', properties: page })
  posthog.capture({ event: 'Seen By Nobody', properties: { product_id: 'rake' } })
  const person = { $set: { plan: 'pro' }, $set_once: { first: true }, $anon_distinct_id: 'a-1' }
  posthog.identify({ ...user, properties: person })
  posthog.setPersonProperties({ ...user, properties: { city: 'Ulm' } })
  posthog.unsetPersonProperties({ ...user, properties: ['city'] })
  posthog.alias({ ...user, alias: 'a-0' })
  const acme = { groupType: 'company', groupKey: 'acme', properties: { size: 3 } }
  posthog.groupIdentify({ ...acme, ...user })
  posthog.groupIdentify({ groupType: 'company', groupKey: 'beta' })
  await posthog.captureImmediate({ ...user, event: 'At Once', groups: { company: 'acme' } })
  const flags = await posthog.evaluateFlags('u-1')
  assert.is(flags.isEnabled('new-shop'), false)
  posthog.captureException(new Error('no rakes left'), 'u-1')
  await posthog.shutdown()
  return 12
}

export function assertPosthogArrived(events: readonly Arrived[], mode: 'v0' | 'v1'): void {
  const tracked = new Map(events.map(each => [each.event, each]))
  const order = tracked.get('Order Completed')
  assert.is(order?.userId, 'u-1')
  assert.is(order?.originalTimestamp, timestamp.toISOString())
  assert.is(order?.properties.revenue, 9.5)
  assert.equal(order?.properties.items, [{ id: 'rake' }])
  const nobody = tracked.get('Seen By Nobody')
  assert.is(nobody?.userId, undefined)
  assert.match(String(nobody?.anonymousId), /^[\da-f-]{36}$/)
  assert.is(nobody?.properties.product_id, 'rake')
  assert.equal(tracked.get('At Once')?.properties.$groups, { company: 'acme' })
  assert.ok(tracked.has('$feature_flag_called'))
  assert.match(JSON.stringify(tracked.get('$exception')?.properties), 'no rakes left')

  const others = events.filter(({ type }) => type !== 'track')
  assert.equal(others.map(told).sort(), [
    'alias u-1 a-0',
    'group nobody beta {"group_type":"company"}',
    'group u-1 acme {"size":3,"group_type":"company"}',
    'identify u-1 a-1 {"first":true,"plan":"pro"}',
    'identify u-1 {"city":"Ulm"}',
    'identify u-1 {"city":null}',
    'page u-1 A https://shop.example/a',
  ])
  for (const { messageId, context } of events) {
    assert.match(messageId, /^[\da-f-]{36}$/)
    assert.is((context.library as { name?: string }).name, 'posthog-node', mode)
  }
}

function told(event: Arrived): string {
  const { type, userId = 'nobody', groupId, traits, properties } = event
  const before = event.type === 'group' ? undefined : event.anonymousId
  const parts = [type, userId, before, groupId, traits && JSON.stringify(traits)]
  if (type === 'page') parts.push(String(event.name), String(properties.url))
  return parts.filter(part => part !== undefined).join(' ')
}
