import { assert } from '../harness.ts'
import type { Arrived } from './sdk-world.ts'

const timestamp = new Date('2026-11-01T08:00:00.123Z')

/** What every SDK of Segment's kind is given; each call with all that it takes. */
const called = {
  track: {
    userId: 'u-1',
    anonymousId: 'a-1',
    event: 'Order Completed',
    properties: {
      revenue: 12.5,
      products: [{ product_id: 'rake', price: 12.5 }],
      note: 'Grüße 🌱',
    },
    context: { ip: '203.0.113.7', consent: { categoryPreferences: { marketing: true } } },
    timestamp,
  },
  identify: { userId: 'u-1', traits: { plan: 'pro', address: { city: 'Köln' } }, timestamp },
  page: { userId: 'u-1', name: 'Home', category: 'Shop', properties: { path: '/' }, timestamp },
  screen: { anonymousId: 'a-2', name: 'Cart', properties: { items: 2 }, timestamp },
  group: { userId: 'u-1', groupId: 'g-1', traits: { employees: 7 }, timestamp },
  alias: { userId: 'u-1', previousId: 'a-1', timestamp },
}

type Called = typeof called

export const CALLS = Object.keys(called).length

/** The methods that SDKs of Segment's kind have. */
export type Caller = { readonly [Type in keyof Called]: (call: Called[Type]) => unknown }

export function sendAll(sdk: Caller): void {
  const { track, identify, page, screen, group, alias } = structuredClone(called)
  sdk.track(track)
  sdk.identify(identify)
  sdk.page(page)
  sdk.screen(screen)
  sdk.group(group)
  sdk.alias(alias)
}

/** That the events are the calls: each part of a call is there, unchanged. */
export function assertArrived(events: readonly Arrived[], library: string): void {
  assert.equal(events.map(({ type }) => type).sort(), Object.keys(called).sort())
  for (const [type, call] of Object.entries(called)) {
    const event = events.find(each => each.type === type)
    for (const [part, value] of Object.entries<unknown>(call)) {
      const what = `${type} ${part}`
      // The time is corrected by what the request took, which the sender's own clock says.
      if (value === timestamp) assert.is(event?.originalTimestamp, timestamp.toISOString(), what)
      else if (part === 'category') assert.is(event?.category ?? event?.properties.category, value)
      else if (part === 'previousId') assert.is(event?.previousId ?? event?.anonymousId, value)
      else assertWithin(event?.[part], value, what)
    }
    assertWithin(event?.context, { library: { name: library } }, type)
  }
}

/** SDKs add to what they are given, and take nothing away. */
function assertWithin(found: unknown, sent: unknown, what: string): void {
  if (typeof sent !== 'object' || sent === null || Array.isArray(sent)) {
    assert.equal(found, sent, what)
    return
  }
  for (const [name, value] of Object.entries(sent))
    assertWithin((found as Record<string, unknown> | undefined)?.[name], value, `${what}.${name}`)
}
