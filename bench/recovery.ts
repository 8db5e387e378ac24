import { loadavg } from 'node:os'
import { parseArgs } from 'node:util'
import { openBrokers } from './brokers.ts'
import { barChart } from './chart.ts'
import { sizeFlag, wholeFlag } from './flags.ts'
import type { Figure } from './kept.ts'
import { type Origin, parseOrigin } from './program.ts'
import { openProgress, type Progress } from './progress.ts'
import { publish } from './publish.ts'
import { killedAgain, type Restart, rollingRestart } from './recovery-runs.ts'
import { millraceSubject, peerSubject } from './recovery-subject.ts'
import { RecoveryWorld } from './recovery-world.ts'
import { table } from './results.ts'
import { type Peer, peerNamed } from './run-peer.ts'
import { percentile } from './run-result.ts'

export const recoveryHelp = `npm run bench -- recovery [flags]

  How long a job is away: after kill -9 in the middle of its work, after the loss of its stores too, and in a
  rolling restart of two processes.

  --brokers HOST:PORT   a Kafka (or BROKERS); without one, the embedded broker is started
  --size small|large    2,000 users, 500 events/s, 2 rounds; or 1,000,000 users, 20,000 events/s, 6 rounds (default)
  --users N, --rate N   other numbers of users and of events a second
  --rounds N            another number of rounds
  --vs PEER             kafka-streams or flink after ours: killed, and no more (needs Java and Maven); may be repeated
  --from source|package this checkout's TypeScript, or the JavaScript that a user installs (default), made for the run`

const peerNames: Readonly<Record<Peer, string>> = {
  'kafka-streams': 'Kafka Streams',
  flink: 'Flink',
}
const sizes = {
  small: { users: 2_000, eventsPerSecond: 500, rounds: 2, workMs: 1_000 },
  large: { users: 1_000_000, eventsPerSecond: 20_000, rounds: 6, workMs: 3_000 },
}

/** The benchmark as the command runs it; prints as it goes, and writes bench/RESULTS.md in its large size. */
export async function recovery(args: readonly string[]): Promise<void> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      brokers: { type: 'string' },
      size: { type: 'string', default: 'large' },
      rounds: { type: 'string' },
      users: { type: 'string' },
      rate: { type: 'string' },
      vs: { type: 'string', multiple: true, default: [] },
      from: { type: 'string', default: 'package' },
    },
  })
  const size = sizeFlag(values.size)
  const { workMs, ...setting } = sizes[size]
  const users = values.users === undefined ? setting.users : wholeFlag('--users', values.users)
  const eventsPerSecond =
    values.rate === undefined ? setting.eventsPerSecond : wholeFlag('--rate', values.rate)
  const origin = parseOrigin(values.from)
  const peers = values.vs.map(peerNamed)
  const rounds = values.rounds === undefined ? setting.rounds : wholeFlag('--rounds', values.rounds)
  const brokers = await openBrokers(values.brokers ?? process.env.BROKERS)
  const load = { users, eventsPerSecond, workMs, rounds, brokers: brokers.addresses }
  const restarts = rounds + fewer(rounds, 3) + peers.length * fewer(rounds, 2)
  const bar = openProgress('recovery', restarts + 2 + peers.length)
  try {
    bar.next(`making states of ${users} users on ${brokers.name}`)
    const ours = await measureOurs(load, origin, bar)
    const others: PeerRestarts[] = []
    for (const peer of peers) {
      bar.next(`the same in ${peer}`)
      others.push({ peer, killed: await measurePeer(load, peer, bar) })
    }
    bar.end()
    const restored = restoredPerSecond(users, ours)
    const summary = summarize(restored, ours, others)
    console.log(`\n${summary}`)
    if (size === 'small') return
    const averages = loadavg().map(each => each.toFixed(0))
    const how = `From the ${origin}: ${users} users, ${eventsPerSecond} events/s, broker: ${brokers.name}`
    const busy = `load average ${averages.join(', ')} at the end`
    const isUsual = users === sizes.large.users
    if (isUsual) picture(ours, others)
    const title = isUsual ? 'Recovery' : `Recovery, ${users} users`
    publish({ title, how, load: busy, summary, figures: figuresOf(restored, ours, others) })
  } finally {
    bar.end()
    await brokers.close()
  }
}

const fewer = (rounds: number, times: number): number => Math.max(1, Math.floor(rounds / times))

interface Load {
  readonly brokers: string
  readonly users: number
  readonly eventsPerSecond: number
  readonly workMs: number
  readonly rounds: number
}

interface OurRestarts {
  readonly killed: readonly Restart[]
  readonly lost: readonly Restart[]
  readonly gaps: readonly number[]
}

interface PeerRestarts {
  readonly peer: Peer
  readonly killed: readonly Restart[]
}

async function measureOurs(load: Load, origin: Origin, bar: Progress): Promise<OurRestarts> {
  const { rounds, workMs } = load
  const world = await RecoveryWorld.open(load.brokers, place => millraceSubject(place, origin))
  try {
    await world.fill(load.users)
    world.feed(load.users, load.eventsPerSecond)
    const killed = await killedAgain(world, bar, rounds, workMs)
    const lost = await killedAgain(world, bar, fewer(rounds, 3), workMs, () =>
      world.subject.loseStores('one'),
    )
    bar.next('a rolling restart')
    return { killed, lost, gaps: await rollingRestart(world, workMs) }
  } finally {
    await world.close()
  }
}

/** Half as often: some of their restarts take half a minute. */
async function measurePeer(load: Load, peer: Peer, bar: Progress): Promise<Restart[]> {
  const world = await RecoveryWorld.open(load.brokers, place => peerSubject(place, peer))
  try {
    await world.fill(load.users)
    world.feed(load.users, load.eventsPerSecond)
    return await killedAgain(world, bar, fewer(load.rounds, 2), load.workMs)
  } finally {
    await world.close()
  }
}

function figuresOf(
  restored: number | undefined,
  { killed, gaps }: OurRestarts,
  others: readonly PeerRestarts[],
): Figure[] {
  const figures: Figure[] = [
    { name: 'killed: first row', value: firstRowMs(killed), unit: 'ms' },
    { name: 'longest gap in a rolling restart', value: Math.max(...gaps), unit: 'ms' },
  ]
  for (const { peer, killed: its } of others)
    figures.push({ name: `${peer}, killed: first row`, value: firstRowMs(its), unit: 'ms' })
  if (restored !== undefined) figures.push({ name: 'restore', value: restored, unit: 'users/s' })
  return figures
}

const firstRowMs = (restarts: readonly Restart[]): number =>
  percentile(
    restarts.map(restart => restart.firstRowMs),
    0.5,
  )

/** Beside the rest of a start; undefined where the restore was too short to be told from it. */
function restoredPerSecond(users: number, { killed, lost }: OurRestarts): number | undefined {
  const middle = (restarts: readonly Restart[]) =>
    percentile(
      restarts.map(({ allRowsMs }) => allRowsMs),
      0.5,
    )
  const restoreMs = middle(lost) - middle(killed)
  return restoreMs > 0 ? Math.round((users / restoreMs) * 1_000) : undefined
}

function picture({ killed, lost, gaps }: OurRestarts, others: readonly PeerRestarts[]): void {
  const bar = (label: string, values: readonly number[]) => ({
    ...{ label, value: percentile(values, 0.5) },
    ...{ least: Math.min(...values), most: Math.max(...values) },
  })
  const first = (restarts: readonly Restart[]) => restarts.map(({ firstRowMs }) => firstRowMs)
  const titles = {
    title: 'How long nothing comes',
    subtitle:
      'ms from the start to the first row, medians; the line spans all rounds; less is better',
  }
  barChart('recovery', titles, [
    bar('Millrace, killed', first(killed)),
    bar('Millrace, stores lost', first(lost)),
    bar('Millrace, rolling restart', gaps),
    ...others.map(({ peer, killed: its }) => bar(`${peerNames[peer]}, killed`, first(its))),
  ])
}

function summarize(
  restored: number | undefined,
  { killed, lost, gaps }: OurRestarts,
  others: readonly PeerRestarts[],
): string {
  const row = (name: string, values: readonly number[]) => [
    name,
    values.length,
    ...[0.5, 0.9, 1].map(share => Math.round(percentile(values, share) * 100) / 100),
  ]
  const of = (restarts: readonly Restart[], field: keyof Restart) =>
    restarts.map(restart => restart[field])
  return [
    table(
      ['', 'rounds', 'p50', 'p90', 'most'],
      [
        row('killed: first row after the start, ms', of(killed, 'firstRowMs')),
        row('killed: a row of every partition, ms', of(killed, 'allRowsMs')),
        row('killed: CPU s until then', of(killed, 'cpuSeconds')),
        row('stores lost: first row, ms', of(lost, 'firstRowMs')),
        row('stores lost: a row of every partition, ms', of(lost, 'allRowsMs')),
        row('stores lost: CPU s until then', of(lost, 'cpuSeconds')),
        row('rolling restart: longest gap of a partition, ms', gaps),
        ...others.flatMap(({ peer, killed: its }) => [
          row(`${peerNames[peer]} killed: first row, ms`, of(its, 'firstRowMs')),
          row(`${peerNames[peer]} killed: a row of every partition, ms`, of(its, 'allRowsMs')),
        ]),
      ],
    ),
    '',
    restored === undefined
      ? 'the restore was too short to be measured'
      : `restored beside the rest of a start: ${restored} users/s`,
  ].join('\n')
}
