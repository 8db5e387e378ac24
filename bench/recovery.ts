import { loadavg } from 'node:os'
import { parseArgs } from 'node:util'
import { systemClock } from '../runtime/clock.ts'
import { openBrokers } from './brokers.ts'
import { barChart } from './chart.ts'
import { sizeFlag, wholeFlag } from './flags.ts'
import type { Figure } from './kept.ts'
import { parseOrigin } from './program.ts'
import { publish } from './publish.ts'
import { RecoveryWorld } from './recovery-world.ts'
import { table } from './results.ts'
import { percentile } from './run-result.ts'

export const recoveryHelp = `npm run bench -- recovery [flags]

  How long a job is away: after kill -9 in the middle of its work, after the loss of its stores too, and in a
  rolling restart of two processes.

  --brokers HOST:PORT   a Kafka (or BROKERS); without one, the embedded broker is started
  --size small|large    2,000 users, 500 events/s, 2 rounds; or 1,000,000 users, 20,000 events/s, 6 rounds (default)
  --users N, --rate N   other numbers of users and of events a second
  --rounds N            another number of rounds
  --from source|package this checkout's TypeScript, or the JavaScript that a user installs (default), made for the run`

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
      from: { type: 'string', default: 'package' },
    },
  })
  const size = sizeFlag(values.size)
  const { workMs, ...setting } = sizes[size]
  const users = values.users === undefined ? setting.users : wholeFlag('--users', values.users)
  const eventsPerSecond =
    values.rate === undefined ? setting.eventsPerSecond : wholeFlag('--rate', values.rate)
  const origin = parseOrigin(values.from)
  const rounds = values.rounds === undefined ? setting.rounds : wholeFlag('--rounds', values.rounds)
  const brokers = await openBrokers(values.brokers ?? process.env.BROKERS)
  const world = await RecoveryWorld.open(brokers.addresses, origin)
  try {
    console.log(`making states of ${users} users on ${brokers.name}`)
    await world.fill(users)
    world.feed(users, eventsPerSecond)
    const killed = await killedAgain(world, rounds, workMs, false)
    const lost = await killedAgain(world, Math.max(1, Math.floor(rounds / 3)), workMs, true)
    const gaps = await rollingRestart(world, workMs)

    const restored = restoredPerSecond(users, killed, lost)
    const summary = summarize(restored, killed, lost, gaps)
    console.log(`\n${summary}`)
    if (size === 'small') return
    const busy = loadavg().map(load => load.toFixed(0))
    const how = `From the ${origin}: ${users} users, ${eventsPerSecond} events/s, broker: ${brokers.name}, load average ${busy.join(', ')} at the end`
    const firstRow = percentile(
      killed.map(({ firstRowMs }) => firstRowMs),
      0.5,
    )
    const figures: Figure[] = [
      { name: 'killed: first row', value: firstRow, unit: 'ms' },
      { name: 'longest gap in a rolling restart', value: Math.max(...gaps), unit: 'ms' },
      ...(restored === undefined
        ? []
        : [{ name: 'restore', value: restored, unit: 'users/s' as const }]),
    ]
    picture(killed, lost, gaps)
    publish({ title: 'Recovery', how, summary, figures })
  } finally {
    await world.close()
    await brokers.close()
  }
}

interface Restart {
  /** From the start of the process to its first row, and to the first row of its last partition, ms. */
  readonly firstRowMs: number
  readonly allRowsMs: number
  /** Of the process until then. */
  readonly cpuSeconds: number
}

/**
 * `workMs`: of work between two rounds; the stores catch up with the commits every second. `storesLost`:
 * everything has to come from the changelog.
 */
async function killedAgain(
  world: RecoveryWorld,
  rounds: number,
  workMs: number,
  storesLost: boolean,
): Promise<Restart[]> {
  const restarts: Restart[] = []
  let process = await world.start('one')
  for (let round = 0; round < rounds; round++) {
    await systemClock.sleep(workMs)
    process.kill()
    await process.exited
    if (storesLost) await world.loseStores('one')
    const startedAt = systemClock.elapsed()
    const rows = world.firstRows()
    process = await world.start('one')
    const { first, all } = await Promise.race([rows, process.failed()])
    const restart = {
      firstRowMs: Math.round(first - startedAt),
      allRowsMs: Math.round(all - startedAt),
      cpuSeconds: process.usage.cpuSeconds,
    }
    console.log(JSON.stringify({ round, storesLost, ...restart }))
    restarts.push(restart)
    await world.ready(process)
  }
  await process.end()
  return restarts
}

/** The longest time without a row, ms, of each partition, while both processes are restarted in turn. */
async function rollingRestart(world: RecoveryWorld, workMs: number): Promise<number[]> {
  const processes = new Map([
    ['one', await world.start('one')],
    ['two', await world.start('two')],
  ])
  for (const process of processes.values()) await world.ready(process)
  await systemClock.sleep(workMs)
  const gaps = world.gaps()
  for (const [name, process] of processes) {
    await process.end()
    const again = await world.start(name)
    processes.set(name, again)
    await world.ready(again)
    await systemClock.sleep(workMs)
  }
  const found = gaps()
  for (const process of processes.values()) await process.end()
  return found
}

/** Beside the rest of a start; undefined where the restore was too short to be told from it. */
function restoredPerSecond(
  users: number,
  killed: readonly Restart[],
  lost: readonly Restart[],
): number | undefined {
  const middle = (restarts: readonly Restart[]) =>
    percentile(
      restarts.map(({ allRowsMs }) => allRowsMs),
      0.5,
    )
  const restoreMs = middle(lost) - middle(killed)
  return restoreMs > 0 ? Math.round((users / restoreMs) * 1_000) : undefined
}

function picture(
  killed: readonly Restart[],
  lost: readonly Restart[],
  gaps: readonly number[],
): void {
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
  ])
}

function summarize(
  restored: number | undefined,
  killed: readonly Restart[],
  lost: readonly Restart[],
  gaps: readonly number[],
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
      ],
    ),
    '',
    restored === undefined
      ? 'the restore was too short to be measured'
      : `restored beside the rest of a start: ${restored} users/s`,
  ].join('\n')
}
