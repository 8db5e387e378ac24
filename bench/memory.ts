import { parseArgs } from 'node:util'
import { Shop, type ShopEvent } from '../cli/shop.ts'
import { defineJob } from '../jobs/define-job.ts'
import email from '../jobs/email.ts'
import type { Job } from '../jobs/job.ts'
import type { JobDefinition } from '../jobs/job-definition.ts'
import type { OutgoingRecord } from '../protocol/record-batch.ts'
import { systemClock } from '../runtime/clock.ts'
import { wholeFlag } from './flags.ts'
import { runPipeline } from './pipeline-run.ts'
import { machine, table, writeResults } from './results.ts'

export const memoryHelp = `npm run bench -- memory [flags]

  What a user costs at rest: bytes of the encoded state, as it lies in the store and in the changelog, of the
  job "email" for a user with 20 events, and what each feature adds to it. And the largest state of the
  heaviest user, a bot that never stops.

  --size small|large    200 users, and a bot of 1,000,000 events; or 2,000 and 10,000,000 (default)
  --bot-events N        another number of the bot's`

const sizes = {
  small: { users: 200, botEvents: 1_000_000 },
  large: { users: 2_000, botEvents: 10_000_000 },
}
const eventsOfUser = 20
const visitsOfUser = 4
const dayMs = 86_400_000
const startMs = Date.UTC(2026, 0, 1)
/** The goal for a user of so many events. */
const bytesGoal = 600

export async function memory(args: readonly string[]): Promise<void> {
  const { values } = parseArgs({
    args: [...args],
    options: { size: { type: 'string', default: 'large' }, 'bot-events': { type: 'string' } },
  })
  const { size } = values
  if (size !== 'small' && size !== 'large') throw new Error(`--size is small or large, not ${size}`)
  const { users } = sizes[size]
  const given = values['bot-events']
  const botEvents = given === undefined ? sizes[size].botEvents : wholeFlag('--bot-events', given)
  const { definition } = email
  if (definition === undefined) throw new Error('the job email was not made by defineJob')

  const events = [...userEvents(users)]
  const parts = bytesByPart(definition, events)
  const all = parts.reduce((sum, [, bytes]) => sum + bytes, 0)
  const bot = runPipeline(email, botRecords(botEvents))
  if (bot.dead > 0) throw new Error(`${bot.dead} of the bot's events could not be taken`)
  const summary = [
    `${users} users of ${eventsOfUser} events each: ${all.toFixed(0)} bytes a user (goal: under ${bytesGoal})`,
    table(
      ['part', 'bytes a user'],
      parts.map(([name, bytes]) => [name, Number(bytes.toFixed(1))]),
    ),
    `a bot of ${botEvents} events, 10 a second on 1,000,000 products: ${bot.largestState} bytes at most, of ${email.stateBytesMax} that it may have`,
  ].join('\n\n')
  console.log(summary)
  if (size === 'large')
    writeResults('Memory', `${machine(new Date(systemClock.now()))}\n\n${summary}`)
}

/** The job feature by feature in its order (one may be made of others before it): what each adds, on average. */
function bytesByPart(
  { segments = {}, triggers = {}, ...definition }: JobDefinition,
  events: readonly OutgoingRecord[],
): [part: string, bytes: number][] {
  const named = Object.entries(definition.features)
  const upTo = (count: number): JobDefinition => ({
    ...definition,
    features: Object.fromEntries(named.slice(0, count)),
  })
  const [[firstName] = ['']] = named
  const own = averageBytes(defineJob({ ...upTo(1), dedupe: false }), events)
  const withIds = averageBytes(defineJob(upTo(1)), events)
  const parts: [string, number][] = [
    [`key, version, times, and ${firstName}`, own],
    ['message ids, against repeats', withIds - own],
  ]
  let before = withIds
  const next = (part: string, job: Job) => {
    const bytes = averageBytes(job, events)
    parts.push([part, bytes - before])
    before = bytes
  }
  for (const [at, [name]] of named.entries()) if (at > 0) next(name, defineJob(upTo(at + 1)) as Job)
  next('segments and triggers', defineJob({ ...upTo(named.length), segments, triggers }) as Job)
  return parts
}

function averageBytes<State>(job: Job<State>, events: readonly OutgoingRecord[]): number {
  const { bytes, dead } = runPipeline(job, events)
  if (dead > 0) throw new Error(`${dead} events of ${job.name} could not be taken`)
  const keys = new Set(events.map(({ key }) => String(key)))
  return [...keys].reduce((sum, key) => sum + bytes(key), 0) / keys.size
}

/** Of each user four visits with five events of the made-up shop, a week apart; all in order of time. */
function* userEvents(users: number): Generator<OutgoingRecord> {
  const shop = new Shop({ seed: 1 })
  for (let visit = 0; visit < visitsOfUser; visit++)
    for (let user = 0; user < users; user++)
      for (let index = 0; index < eventsOfUser / visitsOfUser; index++) {
        const time = startMs + visit * 7 * dayMs + user * 60_000 + index * 10_000
        yield recordOf(`user-${user}`, shop.next(time), time)
      }
}

/** The shop's events, ten a second, as if one user did all of them; each with a product of its own. */
function* botRecords(count: number): Generator<OutgoingRecord> {
  const shop = new Shop({ seed: 2 })
  for (let index = 0; index < count; index++) {
    const time = startMs + index * 100
    const event = shop.next(time)
    const properties = { ...event.properties, product_id: `sku-${(index * 7_919) % 1_000_000}` }
    yield recordOf('bot', { ...event, properties }, time)
  }
}

function recordOf(userId: string, event: ShopEvent, time: number): OutgoingRecord {
  const messageId = `${userId}-${time}`
  const timestamp = new Date(time).toISOString()
  return { key: userId, value: JSON.stringify({ ...event, userId, messageId, timestamp }) }
}
