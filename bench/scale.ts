import { parseArgs } from 'node:util'
import { systemClock } from '../runtime/clock.ts'
import { openKafkaLog } from '../runtime/kafka-log.ts'
import { openBrokers } from './brokers.ts'
import { lineChart } from './chart.ts'
import { type WorkloadOptions, workload } from './events.ts'
import { hashOfFeatures } from './features-hash.ts'
import { type Size, sizeFlag } from './flags.ts'
import { ensureInput } from './input.ts'
import type { Figure } from './kept.ts'
import { naiveFeatures } from './naive.ts'
import { openProgress } from './progress.ts'
import { publish } from './publish.ts'
import { table } from './results.ts'
import { megabytesPerSecond, transactionsPerSecond } from './scale-broker.ts'
import { type FleetRun, runFleet } from './scale-run.ts'
import { hottestShare, type Users } from './scale-skew.ts'

export const scaleHelp = `npm run bench -- scale [flags]

  What planning past one machine needs: CPU for each event by thread, and by one, two and three processes of one job
  on this machine; transactions and MB a second that the broker bears from one process; how uneven partitions are, of
  users by Zipf's law and with one user who has 5 % of all; and from these, events a second with 1 to 500 partitions.

  --brokers HOST:PORT   a Kafka (or BROKERS); without one, the embedded broker is started
  --size small|large    20,000 events and users; or 1,000,000 (default)`

const sizes = {
  small: { load: { events: 20_000, users: 1_000, seed: 1 }, users: 20_000, seconds: 1 },
  large: { load: { events: 1_000_000, users: 50_000, seed: 1 }, users: 1_000_000, seconds: 5 },
}
/** Processes, and lanes of each. */
const fleetsOf: Readonly<Record<Size, readonly (readonly [number, number])[]>> = {
  small: [
    [1, 2],
    [2, 1],
  ],
  large: [
    [1, 1],
    [1, 2],
    [2, 1],
    [3, 1],
  ],
}
const partitionCounts = [1, 4, 12, 48, 120, 250, 500]
const kinds: readonly Users[] = ['even', 'Zipf', 'one user with 5 %']
const writerCounts = [1, 4, 12]

/** The benchmark as the command runs it; prints as it goes, and writes bench/RESULTS.md in its large size. */
export async function scale(args: readonly string[]): Promise<void> {
  const { size, given } = parse(args)
  const { load, users, seconds } = sizes[size]
  const brokers = await openBrokers(given)
  const log = openKafkaLog({ brokers: brokers.addresses, clientId: 'bench', clock: systemClock })
  const bar = openProgress('scale', fleetsOf[size].length + writerCounts.length + 1 + kinds.length)
  try {
    const input = await ensureInput(log, load)
    const where = { brokers: brokers.addresses, input, events: load.events }
    const fleets: FleetRun[] = []
    for (const [processes, lanes] of fleetsOf[size]) {
      bar.next(`${processes} processes of ${lanes} lanes`)
      fleets.push(await runFleet(log, where, processes, lanes))
      bar.say(JSON.stringify(fleets.at(-1)))
    }
    check(fleets, size === 'small' ? load : undefined)
    const transactions: number[] = []
    for (const writers of writerCounts) {
      bar.next(`transactions of ${writers} writers`)
      transactions.push(
        Math.round(await transactionsPerSecond(brokers.addresses, writers, seconds)),
      )
    }
    bar.next('writing')
    const megabytes = Math.round(await megabytesPerSecond(brokers.addresses, seconds))
    const shares = kinds.map(kind => {
      bar.next(`partitions of users: ${kind}`)
      return partitionCounts.map(partitions => hottestShare(partitions, users, kind))
    })
    bar.end()
    const model = { fleets, transactions, megabytes, shares, events: load.events }
    const summary = told(model)
    console.log(`\n${summary}`)
    if (size === 'small') return
    picture(model)
    const how = `${load.events} events, broker: ${brokers.name}, all on this machine; partitions of ${users} users`
    publish({ title: 'Scale', how, summary, figures: figuresOf(model) })
  } finally {
    bar.end()
    await log.close()
    await brokers.close()
  }
}

interface Model {
  readonly fleets: readonly FleetRun[]
  readonly transactions: readonly number[]
  readonly megabytes: number
  /** By kind of users, then by number of partitions. */
  readonly shares: readonly (readonly number[])[]
  readonly events: number
}

function check(fleets: readonly FleetRun[], load: WorkloadOptions | undefined): void {
  const wanted = load ? hashOfFeatures(naiveFeatures(workload(load))) : fleets[0]?.hash
  for (const { processes, hash } of fleets)
    if (hash !== wanted)
      throw new Error(`${processes} processes ended with features ${hash}, not with ${wanted}`)
}

/** CPU µs of one event on the lane's own core, and on the main thread's. */
function perEvent({ fleets, events }: Model) {
  const two = fleets.find(({ lanes }) => lanes === 2)
  const micros = (seconds = Number.NaN) => (seconds * 1e6) / events
  return { lane: micros(two?.threads.lanes), main: micros(two?.threads.main) }
}

function told(model: Model): string {
  const { fleets, transactions, megabytes, shares, events } = model
  const micros = (seconds: number) => Number(((seconds * 1e6) / events).toFixed(2))
  const runs = fleets.map(({ processes, lanes, eventsPerSecond, cpuSeconds, threads }) => [
    ...[processes, lanes, eventsPerSecond, micros(cpuSeconds)],
    ...[micros(threads.main), micros(threads.lanes), micros(threads.rest)],
  ])
  const { lane, main } = perEvent(model)
  const speeds = kinds.map((_, kind) =>
    partitionCounts.map((_, at) => Math.round(1e6 / lane / (shares[kind]?.[at] ?? 1))),
  )
  const rows = partitionCounts.map((partitions, at) => [
    ...[partitions, ...shares.map(each => Number(((each[at] ?? 0) * partitions).toFixed(2)))],
    ...speeds.map(each => each[at] ?? 0),
  ])
  const heads = [
    'processes',
    'lanes each',
    'events/s',
    'CPU µs/event',
    'main thread',
    'lanes',
    'rest',
  ]
  return [
    table(heads, runs),
    `A lane's core bears ${Math.round(1e6 / lane)} events/s, a main thread feeds ${Math.round(1e6 / main)}: ${(lane / main).toFixed(1)} lanes.`,
    `Transactions a second of ${writerCounts.join(', ')} writers in one process: ${transactions.join(', ')}. MB a second into the broker from one process: ${megabytes}.`,
    'Hottest partition, × its fair share; and events/s with a lane (and a core) for each partition:',
    table(['partitions', ...kinds, ...kinds.map(kind => `events/s, ${kind}`)], rows),
    `hash of the final features, the same for all: ${fleets[0]?.hash}`,
  ].join('\n\n')
}

function picture(model: Model): void {
  const { lane } = perEvent(model)
  const titles = {
    title: 'As far as partitions go',
    subtitle: 'events/s, a lane and a core for each partition, bounded by the hottest; a model',
    ...{ xLabel: 'partitions', tens: true },
  }
  const points = kinds.flatMap((line, kind) =>
    partitionCounts.map((x, at) => ({ x, y: 1e6 / lane / (model.shares[kind]?.[at] ?? 1), line })),
  )
  lineChart('scale', titles, points)
}

function figuresOf(model: Model): Figure[] {
  const { lane, main } = perEvent(model)
  return [
    { name: 'lane', value: lane, unit: 'µs of CPU' },
    { name: 'main thread', value: main, unit: 'µs of CPU' },
    ...model.transactions.map(
      (value, at): Figure => ({
        ...{ name: `transactions of ${writerCounts[at]} writers`, value, unit: 'records/s' },
      }),
    ),
  ]
}

function parse(args: readonly string[]) {
  const { values } = parseArgs({
    args: [...args],
    options: { brokers: { type: 'string' }, size: { type: 'string', default: 'large' } },
  })
  return { size: sizeFlag(values.size), given: values.brokers ?? process.env.BROKERS }
}
