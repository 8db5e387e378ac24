import {
  bestHour,
  cart,
  engagement,
  frequencyCap,
  lastViewed,
  lifetimeValue,
  rfm,
  rhythm,
  session,
  signUp,
  wishlist,
} from '../../jobs/define-job.ts'
import type { Event } from '../../jobs/event.ts'
import type { Twin } from './twin.ts'

const hourMs = 3_600_000
const dayMs = 24 * hourMs

/** Features and what they must show, recomputed from all events of the user in order of processing. */
export const readyMade = {
  cart: { feature: cart({ changed: 'Quantity Changed' }), twin: cartTwin },
  wishlist: { feature: wishlist(), twin: wishlistTwin },
  lastViewed: { feature: lastViewed({ keep: 3, with: ['price'] }), twin: lastViewedTwin },
  session: { feature: session({ gap: '6h', of: 'Product Viewed' }), twin: sessionTwin },
  frequencyCap: { feature: frequencyCap({ max: 2, over: '1d' }), twin: frequencyCapTwin },
  rhythm: { feature: rhythm({ keep: 4, daysMax: 12 }), twin: rhythmTwin },
  rfm: {
    feature: rfm({ recencyDays: [1, 2, 4, 9], orders: [2, 3, 4, 5], spend: [5, 10, 20, 40] }),
    twin: rfmTwin,
  },
  lifetimeValue: {
    feature: lifetimeValue(),
    twin: (events => spendOf(events)) satisfies Twin,
  },
  engagement: { feature: engagement({ halfLife: '2d' }), twin: engagementTwin },
  bestHour: { feature: bestHour({ strength: 4 }), twin: bestHourTwin },
  signUp: { feature: signUp(), twin: signUpTwin },
}

function cartTwin(events: readonly Event[]) {
  const emptying = ['Order Completed', 'Cart Updated']
  const start = last(byTime(named(events, ...emptying)))
  const changes = byTime(named(events, 'Product Added', 'Product Removed', 'Quantity Changed'))
  const after = changes.filter(({ timestamp }) => timestamp > (start?.timestamp ?? 0))
  const lines = new Map<string, { price: number; quantity: number; addedAt: number }>()
  const set = (properties: Record<string, unknown>, quantity: number, time: number) => {
    const before = lines.get(String(properties.product_id))
    const line = { price: Number(properties.price), quantity, addedAt: before?.addedAt ?? time }
    if (quantity > 0) lines.set(String(properties.product_id), line)
    else lines.delete(String(properties.product_id))
  }
  const now = (id: unknown) => lines.get(String(id))?.quantity ?? 0
  if (start?.event === 'Cart Updated')
    for (const line of start.properties.products as Record<string, unknown>[])
      set(line, now(line.product_id) + Number(line.quantity), start.timestamp)
  for (const { event, properties, timestamp } of after) {
    const { product_id: id, quantity } = properties
    if (event === 'Product Added') set(properties, now(id) + Number(quantity ?? 1), timestamp)
    else if (event === 'Quantity Changed') {
      if (quantity !== undefined) set(properties, Number(quantity), timestamp)
    } else set(properties, Math.max(0, now(id) - Number(quantity ?? now(id))), timestamp)
  }
  const items = [...lines].map(([id, line]) => ({ id, ...line }))
  items.sort((left, right) => left.addedAt - right.addedAt || (left.id < right.id ? -1 : 1))
  const changing = [...(start?.event === 'Cart Updated' ? [start] : []), ...after].filter(
    ({ event, properties }) => event !== 'Quantity Changed' || properties.quantity !== undefined,
  )
  return {
    items: items.map(({ id, price, quantity }) => ({ id, price, quantity })),
    count: items.reduce((sum, { quantity }) => sum + quantity, 0),
    value: items.reduce((sum, { price, quantity }) => sum + price * quantity, 0),
    since: items[0]?.addedAt ?? null,
    abandonedSince: items.length === 0 ? null : (last(changing)?.timestamp ?? null),
  }
}

function wishlistTwin(events: readonly Event[]) {
  const all = byTime(named(events, 'Product Added to Wishlist', 'Product Removed from Wishlist'))
  const newest = new Map(all.map(event => [event.properties.product_id, event]))
  return byTime([...newest.values()])
    .reverse()
    .filter(({ event }) => event === 'Product Added to Wishlist')
    .map(({ properties, timestamp }) => {
      return { id: properties.product_id, at: timestamp, price: properties.price }
    })
}

function lastViewedTwin(events: readonly Event[]) {
  const views = byTime(named(events, 'Product Viewed'))
  const newest = new Map(views.map(event => [event.properties.product_id, event]))
  return byTime([...newest.values()])
    .reverse()
    .slice(0, 3)
    .map(({ properties, timestamp }) => {
      return { id: properties.product_id, at: timestamp, price: properties.price }
    })
}

function sessionTwin(events: readonly Event[], now: number) {
  const visits: number[][] = []
  for (const { timestamp } of byTime(named(events, 'Product Viewed'))) {
    const visit = last(visits)
    if (visit && timestamp - (last(visit) ?? 0) < 6 * hourMs) visit.push(timestamp)
    else visits.push([timestamp])
  }
  const shown = visits.map(times => {
    const [start = 0, end = 0] = [times[0], last(times)]
    return { start, end, durationMs: end - start, events: times.length }
  })
  const count = shown.length
  const newest = last(shown)
  if (newest === undefined || newest.end + 6 * hourMs <= now)
    return { count, current: null, last: newest ?? null }
  const current = { start: newest.start, events: newest.events }
  return { count, current, last: shown[count - 2] ?? null }
}

function frequencyCapTwin(events: readonly Event[], now: number) {
  const times = timesOf(events, 'Email Delivered').filter(time => time > now - dayMs)
  const allowed = times.length < 2
  const allowedAt = allowed ? null : (times[times.length - 2] ?? 0) + dayMs
  return { count: Math.min(times.length, 4), allowed, allowedAt }
}

function rhythmTwin(events: readonly Event[], now: number) {
  const all = timesOf(events, 'Order Completed')
  const times = all.slice(-4)
  const gaps = times.slice(1).map((time, at) => time - (times[at] ?? 0))
  const lastAt = last(times) ?? null
  const none = { meanDays: null, medianDays: null, ratio: null, nextAt: null }
  const daysSince = lastAt === null ? null : Math.min(12, Math.floor((now - lastAt) / dayMs))
  if (gaps.length === 0) return { count: all.length, lastAt, daysSince, ...none }
  const sorted = gaps.sort((left, right) => left - right)
  const [low = 0, high = 0] = [sorted[Math.floor((gaps.length - 1) / 2)], sorted[gaps.length >> 1]]
  const median = (low + high) / 2
  const mean = ((last(times) ?? 0) - (times[0] ?? 0)) / gaps.length
  return {
    ...{ count: all.length, lastAt, daysSince },
    meanDays: Math.round((mean / dayMs) * 100) / 100,
    medianDays: Math.round((median / dayMs) * 100) / 100,
    ratio: Math.round((((daysSince ?? 0) * dayMs) / median) * 100) / 100,
    nextAt: Math.round((lastAt ?? 0) + median),
  }
}

function rfmTwin(events: readonly Event[], now: number) {
  const times = timesOf(events, 'Order Completed')
  const [orders, spend] = [times.length, spendOf(events)]
  const nothing = { lastAt: null, r: null, f: null, m: null, score: null, segment: null }
  const lastAt = last(times)
  if (lastAt === undefined) return { recencyDays: null, orders, spend, ...nothing }
  const days = Math.floor((now - lastAt) / dayMs)
  const r = days < 1 ? 5 : days < 2 ? 4 : days < 4 ? 3 : days < 9 ? 2 : 1
  const f = Math.min(5, orders)
  const m = spend < 5 ? 1 : spend < 10 ? 2 : spend < 20 ? 3 : spend < 40 ? 4 : 5
  const lively = f >= 3 ? 'loyal' : f === 1 && r >= 4 ? 'new' : 'active'
  const segment = r === 1 ? 'lapsed' : r === 2 ? 'atRisk' : lively
  return {
    recencyDays: Math.min(days, 9),
    ...{ orders, spend, lastAt, r, f, m, score: `${r}${f}${m}`, segment },
  }
}

function engagementTwin(events: readonly Event[], now: number) {
  const [opens, clicks] = ['Email Opened', 'Email Link Clicked'].map(name =>
    timesOf(events.filter(isHuman), name),
  ) as [number[], number[]]
  const score = (times: number[]) =>
    times.reduce((sum, time) => sum + 0.5 ** ((now - time) / (2 * dayMs)), 0)
  const [lastOpenAt, lastClickAt] = [last(opens) ?? null, last(clicks) ?? null]
  return {
    score: Math.round((score(opens) + 3 * score(clicks)) * 1_000) / 1_000,
    ...{ opens: opens.length, clicks: clicks.length, lastOpenAt, lastClickAt },
    lastAt: Math.max(lastOpenAt ?? 0, lastClickAt ?? 0) || null,
  }
}

function bestHourTwin(events: readonly Event[]) {
  const engaged = named(events.filter(isHuman), 'Email Opened', 'Email Link Clicked')
  const hours = engaged.map(({ timestamp }) => new Date(timestamp).getUTCHours())
  const byPreference = [...Array(24).keys()].sort(
    (left, right) => Math.abs(left - 10) - Math.abs(right - 10) || left - right,
  )
  const count = (hour: number) => hours.filter(other => other === hour).length
  const most = Math.max(...byPreference.map(count))
  const n = hours.length
  return {
    hour: byPreference.find(hour => count(hour) === most),
    share: Math.round(((most + 4 / 24) / (n + 4)) * 1_000) / 1_000,
    confidence: Math.round((n / (n + 4)) * 1_000) / 1_000,
    engagements: n,
  }
}

function signUpTwin(events: readonly Event[]) {
  const times = (...names: string[]) => byTime(named(events, ...names)).map(one => one.timestamp)
  const [signed, confirmed] = [times('Signed Up'), times('Email Confirmed')]
  const left = last(times('Unsubscribed', 'Email Marked as Spam')) ?? 0
  const since = (list: number[]) => list.some(time => time > left)
  let status = 'none'
  if (left > 0 && !since(signed) && !since(confirmed)) status = 'unsubscribed'
  else if (since(confirmed)) status = 'confirmed'
  else if (signed.length > 0) status = 'signed up'
  return {
    ...{ status, mailable: status === 'confirmed', signedUpAt: signed[0] ?? null },
    ...{ confirmedAt: confirmed[0] ?? null, unsubscribedAt: left || null },
  }
}

function isHuman({ context }: Event): boolean {
  return (context.classification as { verdict: string }).verdict === 'human'
}

function spendOf(events: readonly Event[]): number {
  const amounts = named(events, 'Order Completed', 'Order Refunded').map(
    ({ event, properties }) =>
      (event === 'Order Refunded' ? -1 : 1) * Math.round(Number(properties.revenue) * 100),
  )
  return amounts.reduce((sum, amount) => sum + amount, 0) / 100
}

function named(events: readonly Event[], ...names: string[]): Event[] {
  return events.filter(({ event }) => names.includes(event))
}

/** Those of one moment in order of processing. */
function byTime(events: readonly Event[]): Event[] {
  return [...events].sort((left, right) => left.timestamp - right.timestamp)
}

function timesOf(events: readonly Event[], name: string): number[] {
  return byTime(named(events, name)).map(({ timestamp }) => timestamp)
}

function last<Item>(items: readonly Item[]): Item | undefined {
  return items[items.length - 1]
}
