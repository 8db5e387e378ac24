import { mkdtemp, rm } from 'node:fs/promises'
import { loadavg, tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { systemClock } from '../runtime/clock.ts'
import { openKafkaLog } from '../runtime/kafka-log.ts'
import { openBrokers } from './brokers.ts'
import { barChart } from './chart.ts'
import { runTask } from './child-task.ts'
import { deleteTopics } from './delete-topics.ts'
import type { Figure } from './kept.ts'
import { untilFilled } from './memory-rows.ts'
import { openProgress } from './progress.ts'
import { publish } from './publish.ts'
import { table } from './results.ts'
import { kinds, type ServeResult, type ServeTask } from './serve-task.ts'
import { ServeWorld } from './serve-world.ts'

export const serveHelp = `npm run bench -- serve [flags]

  What one sidecar answers: features, connected content, AMP and recommendations at a constant rate, while rows keep
  coming; beside a bare fastify; and as much as it can, by autocannon. Before that, how long it takes to be ready with
  an empty folder, and again.

  --brokers HOST:PORT   a Kafka (or BROKERS); without one, the embedded broker is started
  --size small|large    5,000 users and seconds; or a million users and 7 s a run, after 3 s that do not count (default)`

const STOLEN_MAX = 0.02
/** A sidecar begins to fill its memory a second after its start. */
const FILL_BEGUN_MS = 1_500
const FILL_MS_MAX = 120_000

const sizes = {
  small: { users: 5_000, seconds: 2, warmUpSeconds: 1, perSecond: 500, writes: 200 },
  large: { users: 1_000_000, seconds: 7, warmUpSeconds: 3, perSecond: 5_000, writes: 2_000 },
}
/** The benchmark as the command runs it; prints as it goes, and writes bench/RESULTS.md in its large size. */
export async function serve(args: readonly string[]): Promise<void> {
  const { size, given } = parse(args)
  const { users, seconds, warmUpSeconds, perSecond, writes } = sizes[size]
  const folder = await mkdtemp(join(tmpdir(), 'millrace-bench-serve-'))
  const brokers = await openBrokers(given)
  const log = openKafkaLog({ brokers: brokers.addresses, clientId: 'bench', clock: systemClock })
  const world = new ServeWorld(log, brokers.addresses, folder, `bench-serve-${process.pid}`)
  const before = loadavg()[0]?.toFixed(1)
  const bar = openProgress('serve', 2 + 2 * kinds.length + 3)
  try {
    await world.fill(users, rows => bar.doing(`${rows.toLocaleString('en')} rows`))
    bar.next('ready from an empty folder, and again')
    const cold = await world.serve()
    await cold.sidecar.end()
    const warm = await world.serve()
    const readyAt = systemClock.elapsed()
    await systemClock.sleep(FILL_BEGUN_MS)
    const inMemory = await untilFilled(warm.port, FILL_MS_MAX)
    const filledMs = Math.round(systemClock.elapsed() - readyAt)
    bar.say(`ready: cold ${cold.readyMs} ms, warm ${warm.readyMs} ms, ${inMemory} rows in memory`)
    const bare = await world.bare()
    const { sidecar } = warm
    const common = { users, signingFile: world.signingFile, seconds, warmUpSeconds }
    const rows: (string | number)[][] = []
    let draws = 0
    const run = async (
      server: 'ours' | 'bare',
      task: Omit<ServeTask, 'port' | 'pid' | 'seed' | keyof typeof common>,
    ) => {
      bar.next(`${server}: ${task.kind}, ${task.tool}`)
      const asked =
        server === 'ours'
          ? { port: warm.port, pid: sidecar.pid }
          : { port: bare.port, pid: bare.server.pid }
      const result = await leastStolen(() =>
        runTask<ServeResult>('./serve-load.ts', {
          ...{ ...common, ...task, ...asked, seed: draws++ },
        } satisfies ServeTask),
      )
      const { serverCpuMicros, askerCpuMicros } = result
      const { p50 = Number.NaN, p99 = Number.NaN } = result.server ?? {}
      const shares = [100 * result.waitedShare, 100 * result.stolenShare]
      const cpu = [serverCpuMicros, askerCpuMicros]
      const all = [p50, p99, result.p50, result.p99, ...cpu, ...shares]
      const rate = Math.round((result.requests - result.failed) / result.seconds)
      const row = [server, task.kind, task.tool, rate, result.failed, ...all.map(short)]
      bar.say(row.join('  '))
      rows.push(row)
      return result
    }
    await run('bare', { kind: 'features', tool: 'autocannon' })
    await run('ours', { kind: 'features', tool: 'autocannon' }) // and warms up
    rows.length = 0
    const stopWriting = world.write(writes, users)
    const startedAt = systemClock.elapsed()
    const figures: Figure[] = [
      { name: 'ready from an empty folder', value: cold.readyMs, unit: 'ms' },
      { name: 'ready again', value: warm.readyMs, unit: 'ms' },
    ]
    const p99: Partial<Record<'ours' | 'bare', number>> = {}
    for (const kind of kinds) {
      const paced = { kind, tool: 'paced', requestsPerSecond: perSecond } as const
      const result = await run('ours', paced)
      figures.push({ name: `${kind}: server p99`, value: result.server?.p99 ?? 0, unit: 'ms' })
      if (kind !== 'features') continue
      p99.ours = result.p99
      p99.bare = (await run('bare', paced)).p99
    }
    figures.push({ name: 'features: p99 from outside', value: p99.ours ?? 0, unit: 'ms' })
    figures.push({ name: 'bare: p99 from outside', value: p99.bare ?? 0, unit: 'ms' })
    const written = await stopWriting()
    const wrote = Math.round(written / ((systemClock.elapsed() - startedAt) / 1_000))
    for (const kind of kinds) await run('ours', { kind, tool: 'autocannon' })
    bar.end()
    const summary = [
      table(
        [
          'server',
          'what',
          'tool',
          'requests/s',
          'failed',
          'server p50 ms',
          'p99',
          'outside p50 ms',
          'p99',
          'CPU µs',
          'of the asker',
          'waited %',
          'stolen %',
        ],
        rows,
      ),
      `Ready with ${users.toLocaleString('en')} rows: ${cold.readyMs} ms from an empty folder, ${warm.readyMs} ms again; ${inMemory.toLocaleString('en')} rows were in memory ${filledMs} ms later, before anybody asked. Most memory: ${cold.sidecar.usage.peakRssMb} MB then, ${sidecar.usage.peakRssMb} MB in all that follows.`,
      `Users are asked for by Zipf's law over all of them (exponent 1), each run with draws of its own: half of the requests are for ${halfOf(users)} users.`,
      'Waited: how much of the time the server’s main thread could have run while others did; stolen: how much of the two cores the machine below this virtual one took. A line of which more than 2 % was stolen was measured once more, and the one that lost less is told.',
      `While asked at a constant rate, ${wrote} rows/s came in. Features from outside: ours / bare = ${((p99.ours ?? Number.NaN) / (p99.bare ?? Number.NaN)).toFixed(2)} × the p99.`,
    ].join('\n\n')
    console.log(`\n${summary}`)
    await bare.server.end()
    await sidecar.end()
    if (size === 'small') return
    const how = `broker: ${brokers.name}`
    const load = `load average ${before} before, ${loadavg()[0]?.toFixed(1)} after; all share the machine`
    picture(rows)
    for (const [server, kind, tool, rate] of rows)
      if (server === 'ours' && tool === 'autocannon')
        figures.push({ name: String(kind), value: Number(rate), unit: 'requests/s' })
    publish({ title: 'Serve', how, load, summary, figures })
  } finally {
    bar.end()
    await log.close()
    await deleteTopics(brokers.addresses, world.topics)
    await brokers.close()
    await rm(folder, { recursive: true, force: true })
  }
}

/** Asks once more where another machine on the same hardware took from ours, whatever the answer was. */
async function leastStolen(ask: () => Promise<ServeResult>): Promise<ServeResult> {
  const first = await ask()
  if (first.stolenShare <= STOLEN_MAX) return first
  const second = await ask()
  return second.stolenShare < first.stolenShare ? second : first
}

/** What one sidecar answers as fast as it can; the row's third is the tool, its fourth the rate. */
function picture(rows: readonly (readonly (string | number)[])[]): void {
  const bars = rows
    .filter(([server, , tool]) => server === 'ours' && tool === 'autocannon')
    .map(([, kind, , rate]) => ({ label: `Millrace: ${kind}`, value: Number(rate) }))
  const subtitle = 'requests/s at most, all processes on two cores; more is better'
  barChart('serve', { title: 'One sidecar', subtitle }, bars)
}

/** How many ranks have half of all draws. */
function halfOf(users: number): string {
  return Math.round(Math.sqrt(users / 1.781)).toLocaleString('en') // H(n) ≈ ln n + 0.577, halved; e^0.577 is 1.781
}

const short = (value: number) => (Number.isNaN(value) ? '–' : Number(value.toFixed(1)))

function parse(args: readonly string[]) {
  const { values } = parseArgs({
    args: [...args],
    options: { brokers: { type: 'string' }, size: { type: 'string', default: 'large' } },
  })
  const { size } = values
  if (size !== 'small' && size !== 'large') throw new Error(`--size is small or large, not ${size}`)
  return { size, given: values.brokers ?? process.env.BROKERS } as const
}
