import { Shop } from '../cli/shop.ts'
import {
  bestHour,
  cart,
  count,
  defineJob,
  engagement,
  frequencyCap,
  lastDistinct,
  lastViewed,
  lifetimeValue,
  rfm,
  rhythm,
  session,
  signUp,
  topCategories,
  wishlist,
} from '../jobs/define-job.ts'
import email from '../jobs/email.ts'
import type { Event } from '../jobs/event.ts'
import type { Feature } from '../jobs/feature.ts'
import type { Job, JobContext } from '../jobs/job.ts'
import type { JobState } from '../jobs/layout.ts'
import { type Entity, encodeEntity, newEntity } from '../runtime/entity.ts'
import { table } from './results.ts'

export const userBytesHelp = `npm run bench -- bytes
  Bytes of a user's encoded state, with all that the runtime keeps beside it (remembered message ids, version, times),
  for the email job and for single features: of customers of the made-up shop, and of the emails that they get, over
  some weeks, right after their 20th event and after a week of silence; the largest of them; and a bot with 100,000 events.`

const dayMs = 86_400_000
const startMs = Date.UTC(2026, 0, 1)
const restMs = 7 * dayMs
const eventsEach = 20
const users = 2_000
const shopEvents = 45_000
const botEvents = 100_000

const nothing = () => undefined
const context: JobContext = {
  ...{ key: '', watermark: undefined },
  ...{ emit: nothing, rekey: nothing, drop: nothing },
}

const features: Readonly<Record<string, Feature>> = {
  'lastDistinct of 10': lastDistinct({
    ...{ of: 'Product Viewed', value: 'product_id', optional: true, keep: 10 },
  }),
  'count over 7 days': count({ of: 'Product Viewed', over: '7d', every: '1h' }),
  bestHour: bestHour(),
  cart: cart({ optional: true }),
  engagement: engagement(),
  frequencyCap: frequencyCap({ max: 3, over: '7d' }),
  lastViewed: lastViewed({ optional: true }),
  'lastViewed with name and price': lastViewed({ optional: true, with: ['name', 'price'] }),
  lifetimeValue: lifetimeValue({ optional: true }),
  rfm: rfm({ optional: true }),
  rhythm: rhythm(),
  session: session({ gap: '30m' }),
  signUp: signUp(),
  topCategories: topCategories(),
  wishlist: wishlist(),
}

export async function userBytes(): Promise<void> {
  const list = [...customers()]
  const bot = [...aBot()]
  const jobOf = (word: Feature) =>
    defineJob({ name: 'one', input: 'events', features: { word } }) as Job<JobState>
  // What the runtime keeps, and the places of no feature: those of one that remembers nothing, without its own.
  const bare = jobOf(count({ of: 'Never' }))
  const own = bytesOf(bare, list, bot).map(bytes => bytes - bareFeatureBytes)
  const rows = Object.entries(features).map(([name, word]) => [
    name,
    ...bytesOf(jobOf(word), list, bot).map((bytes, at) => bytes - (own[at] as number)),
  ])
  console.log(
    table(
      ['', '20 events', 'a week later', 'the largest', 'a bot'],
      [
        ['email job', ...bytesOf(email, list, bot)],
        ['every user, without features', ...own],
        ...rows,
      ],
    ),
  )
}

/** An id of a place, and a number that is 0. */
const bareFeatureBytes = 6

function bytesOf(job: Job<JobState>, list: readonly Event[], bot: readonly Event[]): number[] {
  const byUser = new Map<string, { entity: Entity<JobState>; left: number }>()
  let [count, sum, atRest, largest] = [0, 0, 0, 0]
  for (const event of list) {
    const user = byUser.get(event.userId) ?? {
      entity: newEntity(job, event.userId),
      left: eventsEach,
    }
    byUser.set(event.userId, user)
    if (user.left === 0 || !take(job, user.entity, event)) continue
    if (--user.left > 0) continue
    const { length } = encodeEntity(job, user.entity)
    count++
    sum += length
    largest = Math.max(largest, length)
    rest(job, user.entity, event.timestamp + restMs)
    atRest += encodeEntity(job, user.entity).length
  }
  const heaviest = newEntity(job, 'bot')
  for (const event of bot) take(job, heaviest, event)
  const ofBot = encodeEntity(job, heaviest).length
  return [Math.round(sum / count), Math.round(atRest / count), largest, ofBot]
}

/** Answers false for a repeat. */
function take(job: Job<JobState>, entity: Entity<JobState>, event: Event): boolean {
  if (entity.recent.seen(event.messageId, event.timestamp)) return false
  job.absorb(entity.state, event, context)
  entity.recent.add(event.messageId, event.timestamp)
  entity.offset = entity.offset < 0 ? 1e9 : entity.offset + 1
  entity.eventAt = entity.asOf = entity.receivedAt = event.timestamp
  entity.timerAt = job.nextTimer(entity.state)?.time
  return true
}

function rest(job: Job<JobState>, entity: Entity<JobState>, until: number): void {
  for (
    let timer = job.nextTimer(entity.state);
    timer && timer.time < until;
    timer = job.nextTimer(entity.state)
  )
    job.fire(entity.state, timer, context)
  entity.timerAt = job.nextTimer(entity.state)?.time
}

/** A customer's twenty events: the shop's, and of every ninth of them on an email of each kind. */
function* customers(): Generator<Event> {
  const shop = new Shop({ seed: 1, users })
  for (let index = 0; index < shopEvents; index++) {
    const now = startMs + index * 60_000
    const { messageId, event, userId, timestamp, properties, context } = shop.next(now)
    yield eventOf(userId, messageId, event, Date.parse(timestamp), properties, context)
    const kind = ['Email Delivered', 'Email Opened', 'Email Link Clicked'][index % 27]
    if (kind !== undefined) yield eventOf(userId, `mail-${index}`, kind, now, {}, byHuman)
  }
}

/** Another product, of another category, with each event; every tenth is late by some minutes. */
function* aBot(): Generator<Event> {
  const names = [
    ...['Product Viewed', 'Product Added', 'Product Added to Wishlist', 'Email Delivered'],
    ...['Email Opened', 'Email Link Clicked', 'Signed Up', 'Product Removed', 'Order Completed'],
  ]
  for (let index = 0; index < botEvents; index++) {
    const time = startMs + index * 10_000 - (index % 10 === 0 ? 500_000 : 0)
    const properties = {
      ...{ product_id: `product-${index}`, name: `Product ${index}`, category: `c-${index}` },
      ...{ price: index / 100, quantity: 1 + (index % 3), revenue: index / 10 },
    }
    const name = index % 1_000 < 900 ? names[index % 8] : names[index % 9]
    yield eventOf('bot', `bot-${index}`, name ?? '', time, properties, byHuman)
  }
}

const byHuman = { classification: { verdict: 'human' } }

function eventOf(
  userId: string,
  messageId: string,
  event: string,
  timestamp: number,
  properties: Event['properties'],
  context: Event['context'],
): Event {
  return {
    ...{ key: userId, userId, messageId, type: 'track', event, timestamp, properties, context },
    ...{ anonymousId: undefined, sentAt: undefined, receivedAt: undefined },
    ...{ traits: {}, state: undefined },
  }
}
