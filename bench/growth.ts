import { readFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { seededRandom } from '../cli/random.ts'
import { systemClock } from '../runtime/clock.ts'
import { Batches } from './batches.ts'
import { lineChart } from './chart.ts'
import { eventOf, type WorkloadEvent } from './events.ts'
import { hashOfFeatures } from './features-hash.ts'
import type { Figure } from './kept.ts'
import { LaneRig } from './lane-rig.ts'
import { naiveFeatures, type UserFeatures } from './naive.ts'
import { openProgress, type Progress } from './progress.ts'
import { publish } from './publish.ts'
import { table } from './results.ts'
import { zipf } from './zipf.ts'

export const growthHelp = `npm run bench -- growth [flags]

  What many users cost: one lane with LevelDB and no broker is given one event of each of so many users; then as many
  events as are measured, of users by Zipf's law (after as many again that are not counted, which bring those that come
  often into memory), and of users drawn evenly. Then more users come, and so on. Those in memory are bounded
  (--cache-keys, --cache-mb), the rest are on the disk.

  --size NAME           small: 20,000 users in seconds, held against a plain recomputation; medium: up to 2,000,000 in
                        some three minutes; large: up to 10,000,000 in some ten (default)`

const sizes = {
  small: { users: [2_000, 20_000], events: 10_000, cacheKeysMax: 500, cacheMb: 1 },
  medium: {
    users: [100_000, 500_000, 2_000_000],
    events: 300_000,
    cacheKeysMax: 20_000,
    cacheMb: 32,
  },
  large: {
    users: [100_000, 1_000_000, 10_000_000],
    events: 500_000,
    cacheKeysMax: 100_000,
    cacheMb: 256,
  },
}
type GrowthSize = keyof typeof sizes

interface Measured {
  readonly users: number
  readonly drawn: 'new' | 'Zipf' | 'even'
  readonly eventsPerSecond: number
  /** Of the whole process, feeding included: its own pages, and those of files that are mapped. */
  readonly ownMb: number
  readonly fileMb: number
}

/** The benchmark as the command runs it; prints as it goes, and writes bench/RESULTS.md in its large size. */
export async function growth(args: readonly string[]): Promise<void> {
  const size = parse(args)
  const { users, events, cacheKeysMax, cacheMb } = sizes[size]
  const rig = await LaneRig.open(1, 1, { cacheKeysMax, cacheBytesMax: cacheMb * 1024 * 1024 })
  const bar = openProgress('growth', users.length * 4)
  const seen: WorkloadEvent[] | undefined = size === 'small' ? [] : undefined
  let measured: Measured[]
  try {
    measured = await grow(rig, sizes[size], bar, seen)
    await rig.stop()
    if (seen !== undefined) await check(rig, seen)
  } finally {
    bar.end()
    await rig.close()
  }
  const heads = ['users', 'drawn', 'events/s of one lane', 'own MB', 'MB of mapped files']
  const told = measured.map(each => [each.users, ...Object.values(each).slice(1)])
  const of = (count: number | undefined, drawn: Measured['drawn']) =>
    measured.find(each => each.users === count && each.drawn === drawn)?.eventsPerSecond ?? 0
  const [first, last] = [users[0], users.at(-1)]
  const ratio = of(last, 'Zipf') / of(first, 'Zipf')
  const even = of(last, 'even') / of(first, 'Zipf')
  const compared = `${last} users / ${first}: ${ratio.toFixed(2)} × the events/s by Zipf's law, ${even.toFixed(2)} × drawn evenly`
  const summary = `${table(heads, told)}\n\n${compared}`
  console.log(`\n${summary}`)
  if (size === 'small') return
  picture(measured)
  const how = `${events} events measured at each, ${cacheKeysMax} users' states as objects in memory, ${cacheMb} MB of packed ones; one lane, LevelDB, no broker`
  const figures = measured.flatMap((each): Figure[] => [
    {
      name: `${each.users} users, ${each.drawn}`,
      value: each.eventsPerSecond,
      unit: 'events/s',
    },
  ])
  const most = Math.max(...measured.map(({ ownMb }) => ownMb))
  const kept: Figure[] = [
    ...figures,
    { name: 'most / fewest users, Zipf', value: ratio, unit: '×' },
    { name: 'own memory', value: most, unit: 'MB' },
  ]
  publish({ title: size === 'large' ? 'Growth' : 'Growth, medium', how, summary, figures: kept })
}

async function grow(
  rig: LaneRig,
  { users, events }: (typeof sizes)[GrowthSize],
  bar: Progress,
  seen: WorkloadEvent[] | undefined,
): Promise<Measured[]> {
  const random = seededRandom(1)
  const batches = new Batches(1)
  const measured: Measured[] = []
  let made = 0
  const feed = async (count: number, draw: () => number) => {
    function* drawnEvents(): Generator<WorkloadEvent> {
      for (let index = 0; index < count; index++) {
        const event = eventOf(made++, draw(), random)
        seen?.push(event)
        yield event
      }
    }
    await rig.feed(batches.of(drawnEvents()))
  }
  const measure = async (
    drawn: Measured['drawn'],
    all: number,
    count: number,
    draw: () => number,
  ) => {
    bar.next(`${all} users, ${drawn}`)
    const startedAt = systemClock.elapsed()
    await feed(count, draw)
    const seconds = (systemClock.elapsed() - startedAt) / 1_000
    const eventsPerSecond = Math.round(count / seconds)
    measured.push({ users: all, drawn, eventsPerSecond, ...memory() })
    bar.say(JSON.stringify(measured.at(-1)))
  }
  let known = 0
  for (const all of users) {
    await measure('new', all, all - known, () => known++)
    const byZipf = zipf(all, random)
    bar.next(`${all} users, Zipf, not counted`)
    await feed(events, byZipf)
    await measure('Zipf', all, events, byZipf)
    await measure('even', all, events, () => Math.floor(random() * all))
  }
  return measured
}

async function check(rig: LaneRig, events: readonly WorkloadEvent[]): Promise<void> {
  const found: UserFeatures[] = []
  for await (const features of rig.features()) found.push(features)
  const [hash, wanted] = [hashOfFeatures(found), hashOfFeatures(naiveFeatures(events))]
  if (hash !== wanted)
    throw new Error(`the store ended with ${hash}, a plain recomputation with ${wanted}`)
  console.log(`hash of the final features: ${hash}`)
}

function picture(measured: readonly Measured[]): void {
  const names = { new: 'users who are new', Zipf: 'by Zipf’s law', even: 'drawn evenly' }
  const titles = {
    ...{ title: 'Many users', subtitle: 'events/s of one lane with LevelDB; more is better' },
    xLabel: 'users with a state',
  }
  const points = measured.map(each => ({
    x: each.users,
    y: each.eventsPerSecond,
    line: names[each.drawn],
  }))
  lineChart('growth', titles, points)
}

function memory(): { readonly ownMb: number; readonly fileMb: number } {
  const status = readFileSync('/proc/self/status', 'latin1')
  const of = (field: string) =>
    Math.round(Number(new RegExp(`^${field}:\\s+(\\d+) kB$`, 'm').exec(status)?.[1]) / 1_024)
  return { ownMb: of('RssAnon'), fileMb: of('RssFile') }
}

function parse(args: readonly string[]): GrowthSize {
  const { values } = parseArgs({
    args: [...args],
    options: { size: { type: 'string', default: 'large' } },
  })
  const { size } = values
  if (size !== 'small' && size !== 'medium' && size !== 'large')
    throw new Error(`--size is small, medium or large, not ${size}`)
  return size
}
