import { parseArgs } from 'node:util'
import { systemClock } from '../runtime/clock.ts'
import { Batches } from './batches.ts'
import { barChart } from './chart.ts'
import { type WorkloadOptions, workload } from './events.ts'
import { hashOfFeatures } from './features-hash.ts'
import { sizeFlag, wholeFlag } from './flags.ts'
import { LaneRig, type Packed } from './lane-rig.ts'
import { naiveFeatures, type UserFeatures } from './naive.ts'
import { openProgress } from './progress.ts'
import { publish } from './publish.ts'
import { table } from './results.ts'
import { median } from './run-result.ts'

export const lanesHelp = `npm run bench -- lanes [flags]

  What a second worker thread gives: production's lanes, fed and bounded as production feeds them, with LevelDB and
  without a broker. Packed batches in; rows and states sealed as they would be sent, and let go. One lane and two by
  turns, and every user's features held against each other (and a plain recomputation).

  --size small|large    40,000 events, or 600,000 (default)
  --rounds N            how often each runs, after a warm-up; the medians count (default 3)`

const sizes = {
  small: { events: 40_000, users: 2_000, seed: 1 },
  large: { events: 600_000, users: 50_000, seed: 1 },
}
const partitions = 4
/** Of a lane. */
const bounds = { cacheKeysMax: 200_000, cacheBytesMax: 64 * 1024 * 1024 }
const counts = [1, 2]

interface Measured {
  readonly lanes: number
  readonly eventsPerSecond: number
  /** Of each lane's thread. */
  readonly laneCpuSeconds: number
  /** Of the thread that feeds them. */
  readonly mainCpuSeconds: number
  readonly hash: string
}

/** The benchmark as the command runs it; prints as it goes, and writes bench/RESULTS.md in its large size. */
export async function lanes(args: readonly string[]): Promise<void> {
  const { size, load, rounds } = parse(args)
  const bar = openProgress('lanes', counts.length * (rounds + 1))
  bar.doing('packing the events')
  const packed = [...new Batches(partitions).of(workload(load))]
  const measured: Measured[] = []
  try {
    for (let round = 0; round <= rounds; round++)
      for (const count of counts) {
        bar.next(`${count} of 2, round ${round}`)
        const one = await run(count, packed, load.events)
        if (round > 0) measured.push(one)
      }
  } finally {
    bar.end()
  }
  const wanted = hashOfFeatures(naiveFeatures(workload(load)))
  for (const { lanes: count, hash } of measured)
    if (hash !== wanted)
      throw new Error(`${count} lanes ended with ${hash}, a plain recomputation with ${wanted}`)
  const rows = counts.map(count => {
    const own = measured.filter(each => each.lanes === count)
    const speeds = own.map(each => each.eventsPerSecond)
    const cpu = (field: 'laneCpuSeconds' | 'mainCpuSeconds') =>
      Number(((median(own.map(each => each[field])) * 1e6) / load.events).toFixed(2))
    const [middle, least, most] = [median(speeds), Math.min(...speeds), Math.max(...speeds)]
    return [
      count,
      ...[middle, least, most].map(Math.round),
      cpu('laneCpuSeconds'),
      cpu('mainCpuSeconds'),
    ]
  })
  const heads = [
    'lanes',
    'events/s',
    'least',
    'most',
    'CPU µs/event, lanes',
    'CPU µs/event, feeding',
  ]
  const [one = 0, two = 0] = rows.map(([, speed]) => Number(speed))
  const ratio = two / one
  const summary = `${table(heads, rows)}\n\n2 lanes / 1 lane: ${ratio.toFixed(2)} ×\n\nhash of the final features: ${wanted}`
  console.log(`\n${summary}`)
  if (size === 'small') return
  const titles = {
    title: 'Lanes, without a broker',
    subtitle: 'events/s on two cores; more is better',
  }
  barChart(
    'lanes',
    titles,
    rows.map(([count, value = 0, least = 0, most = 0]) => ({
      ...{ label: `Millrace, ${count} lane${count === 1 ? '' : 's'}`, value, least, most },
    })),
  )
  const how = `${load.events} events, ${load.users} users, rounds: ${rounds}`
  const figures = [
    { name: '1 lane', value: one, unit: 'events/s' as const },
    { name: '2 lanes', value: two, unit: 'events/s' as const },
    { name: '2 lanes / 1 lane', value: ratio, unit: '×' as const },
    { name: 'feeding', value: rows[1]?.[5] ?? 0, unit: 'µs of CPU' as const },
    { name: 'lane', value: rows[0]?.[4] ?? 0, unit: 'µs of CPU' as const },
  ]
  publish({ title: 'Lanes', how, summary, figures })
}

async function run(count: number, packed: readonly Packed[], events: number): Promise<Measured> {
  const rig = await LaneRig.open(count, partitions, bounds)
  try {
    const startedAt = systemClock.elapsed()
    const before = process.cpuUsage()
    await rig.feed(packed)
    const cpu = await rig.stop()
    const seconds = (systemClock.elapsed() - startedAt) / 1_000
    const { user, system } = process.cpuUsage(before)
    const laneCpuSeconds = cpu.reduce((sum, each) => sum + each, 0)
    const features: UserFeatures[] = []
    for await (const each of rig.features()) features.push(each)
    return {
      ...{ lanes: count, eventsPerSecond: events / seconds, laneCpuSeconds },
      mainCpuSeconds: (user + system) / 1e6 - laneCpuSeconds,
      hash: hashOfFeatures(features),
    }
  } finally {
    await rig.close()
  }
}

function parse(args: readonly string[]) {
  const { values } = parseArgs({
    args: [...args],
    options: {
      size: { type: 'string', default: 'large' },
      rounds: { type: 'string', default: '3' },
    },
  })
  const size = sizeFlag(values.size)
  const load: WorkloadOptions = sizes[size]
  return { size, load, rounds: wholeFlag('--rounds', values.rounds) }
}
