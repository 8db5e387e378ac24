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
import { openProgress } from './progress.ts'
import { publish } from './publish.ts'
import { table } from './results.ts'
import { type Kind, kinds, type ServeResult, type ServeTask } from './serve-task.ts'
import { ServeWorld } from './serve-world.ts'
import { quantile, scrapeTimes } from './server-times.ts'

export const serveHelp = `npm run bench -- serve [flags]

  What one sidecar answers: features, connected content, AMP and recommendations at a constant rate, while rows keep
  coming; beside a bare fastify; and as much as it can, by autocannon. Before that, how long it takes to be ready with
  an empty folder, and again.

  --brokers HOST:PORT   a Kafka (or BROKERS); without one, the embedded broker is started
  --size small|large    5,000 users and seconds; or a million users and 7 s a run (default)`

const sizes = {
  small: { users: 5_000, seconds: 2, perSecond: 500, writes: 200 },
  large: { users: 1_000_000, seconds: 7, perSecond: 5_000, writes: 2_000 },
}
const routes: Readonly<Record<Kind, string>> = {
  features: '/v1/users/:id/features',
  block: '/v1/blocks/:block',
  amp: '/v1/amp/blocks/:block',
  recommendations: '/v1/users/:id/recommendations',
}

/** The benchmark as the command runs it; prints as it goes, and writes bench/RESULTS.md in its large size. */
export async function serve(args: readonly string[]): Promise<void> {
  const { size, given } = parse(args)
  const { users, seconds, perSecond, writes } = sizes[size]
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
    bar.say(`ready: cold ${cold.readyMs} ms, warm ${warm.readyMs} ms`)
    const bare = await world.bare()
    const { port, sidecar } = warm
    const url = `http://127.0.0.1:${port}`
    const common = { users, signingFile: world.signingFile, seconds }
    const rows: (string | number)[][] = []
    const run = async (
      server: 'ours' | 'bare',
      task: Omit<ServeTask, 'port' | 'seed' | keyof typeof common>,
    ) => {
      const ours = server === 'ours'
      bar.next(`${server}: ${task.kind}, ${task.tool}`)
      const [earlier, cpu] = [
        ours ? await scrapeTimes(url, routes[task.kind]) : new Map(),
        sidecar.usage.cpuSeconds,
      ]
      const result = await runTask<ServeResult>('./serve-load.ts', {
        ...{ ...common, ...task, seed: rows.length, port: ours ? port : bare.port },
      } satisfies ServeTask)
      const later = ours ? await scrapeTimes(url, routes[task.kind]) : new Map()
      const cpuMicros = ((sidecar.usage.cpuSeconds - cpu) * 1e6) / result.requests
      const figures = [
        quantile(earlier, later, 0.5),
        quantile(earlier, later, 0.99),
        result.p50,
        result.p99,
      ]
      const rate = Math.round((result.requests - result.failed) / result.seconds)
      const row = [
        server,
        task.kind,
        task.tool,
        rate,
        result.failed,
        ...[...figures, ours ? cpuMicros : Number.NaN].map(short),
      ]
      bar.say(row.join('  '))
      rows.push(row)
      return result
    }
    await run('bare', { kind: 'features', tool: 'autocannon' })
    await run('ours', { kind: 'features', tool: 'autocannon' }) // and warms up
    rows.length = 0
    const stopWriting = world.write(writes, users)
    const startedAt = systemClock.elapsed()
    const p99: Partial<Record<'ours' | 'bare', number>> = {}
    for (const kind of kinds) {
      const result = await run('ours', { kind, tool: 'paced', requestsPerSecond: perSecond })
      if (kind !== 'features') continue
      p99.ours = result.p99
      p99.bare = (await run('bare', { kind, tool: 'paced', requestsPerSecond: perSecond })).p99
    }
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
        ],
        rows,
      ),
      `Ready with ${users.toLocaleString('en')} rows: ${cold.readyMs} ms from an empty folder, ${warm.readyMs} ms again. Most memory: ${sidecar.usage.peakRssMb} MB.`,
      `Users are asked for by Zipf's law over all of them (exponent 1), each run with draws of its own: half of the requests are for ${halfOf(users)} users.`,
      `While asked at a constant rate, ${wrote} rows/s came in. Features from outside: ours / bare = ${((p99.ours ?? Number.NaN) / (p99.bare ?? Number.NaN)).toFixed(2)} × the p99.`,
    ].join('\n\n')
    console.log(`\n${summary}`)
    await bare.server.end()
    await sidecar.end()
    if (size === 'small') return
    const how = `broker: ${brokers.name}`
    const load = `load average ${before} before, ${loadavg()[0]?.toFixed(1)} after; all share the machine`
    picture(rows)
    const figures = rows
      .filter(([server, , tool]) => server === 'ours' && tool === 'autocannon')
      .map(
        ([, kind, , rate]): Figure => ({
          ...{ name: String(kind), value: Number(rate), unit: 'requests/s' },
        }),
      )
    publish({ title: 'Serve', how, load, summary, figures })
  } finally {
    bar.end()
    await log.close()
    await deleteTopics(brokers.addresses, world.topics)
    await brokers.close()
    await rm(folder, { recursive: true, force: true })
  }
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
