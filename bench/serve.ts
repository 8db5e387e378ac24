import { mkdtemp, rm } from 'node:fs/promises'
import { loadavg, tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { systemClock } from '../runtime/clock.ts'
import { openKafkaLog } from '../runtime/kafka-log.ts'
import { openBrokers } from './brokers.ts'
import { barChart } from './chart.ts'
import { deleteTopics } from './delete-topics.ts'
import type { Figure } from './kept.ts'
import { untilFilled } from './memory-rows.ts'
import { openProgress } from './progress.ts'
import { publish } from './publish.ts'
import { table } from './results.ts'
import { type Asked, rateOf, rowHeads, rowOf, ServeRuns, type ServerName } from './serve-runs.ts'
import { kinds } from './serve-task.ts'
import { ServeWorld } from './serve-world.ts'

export const serveHelp = `npm run bench -- serve [flags]

  What one sidecar answers: features, connected content, AMP and recommendations at a constant rate, while rows keep
  coming; beside a bare fastify; and as much as it can, by autocannon. Before that, how long it takes to be ready with
  an empty folder, and again.

  --brokers HOST:PORT   a Kafka (or BROKERS); without one, the embedded broker is started
  --size small|large    5,000 users and seconds; or a million users and 7 s a run, after 3 s that do not count,
                        those at constant rates three times by turns (default)`

/** A sidecar begins to fill its memory a second after its start. */
const FILL_BEGUN_MS = 1_500
const FILL_MS_MAX = 120_000

const sizes = {
  small: { users: 5_000, seconds: 2, rounds: 1, warmUpSeconds: 1, perSecond: 500, writes: 200 },
  large: {
    ...{ users: 1_000_000, seconds: 7, rounds: 3, warmUpSeconds: 3 },
    ...{ perSecond: 5_000, writes: 2_000 },
  },
}

/** The benchmark as the command runs it; prints as it goes, and writes bench/RESULTS.md in its large size. */
export async function serve(args: readonly string[]): Promise<void> {
  const { size, given } = parse(args)
  const { users, seconds, rounds, warmUpSeconds, perSecond, writes } = sizes[size]
  const folder = await mkdtemp(join(tmpdir(), 'millrace-bench-serve-'))
  const brokers = await openBrokers(given)
  const log = openKafkaLog({ brokers: brokers.addresses, clientId: 'bench', clock: systemClock })
  const world = new ServeWorld(log, brokers.addresses, folder, `bench-serve-${process.pid}`)
  const before = loadavg()[0]?.toFixed(1)
  const bar = openProgress('serve', 1 + 2 + rounds * (kinds.length + 1) + kinds.length)
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
    const runs = new ServeRuns({
      servers: {
        ours: { port: warm.port, pid: sidecar.pid },
        bare: { port: bare.port, pid: bare.server.pid },
      },
      common: { users, signingFile: world.signingFile, seconds, warmUpSeconds },
      progress: bar,
    })
    for (const server of ['bare', 'ours'] as const) await runs.ask(server, 'features') // warms up
    const stopWriting = world.write(writes, users)
    const startedAt = systemClock.elapsed()
    const paced = await runs.byTurns(rounds, perSecond)
    const written = await stopWriting()
    const wrote = Math.round(written / ((systemClock.elapsed() - startedAt) / 1_000))
    const most: Asked[] = []
    for (const kind of kinds) most.push(await runs.ask('ours', kind))
    bar.end()
    const summary = [
      table(rowHeads, [...paced, ...most].map(rowOf)),
      `Ready with ${users.toLocaleString('en')} rows: ${cold.readyMs} ms from an empty folder, ${warm.readyMs} ms again; ${inMemory.toLocaleString('en')} rows were in memory ${filledMs} ms later, before anybody asked. Most memory: ${cold.sidecar.usage.peakRssMb} MB then, ${sidecar.usage.peakRssMb} MB in all that follows.`,
      `Users are asked for by Zipf's law over all of them (exponent 1), each run with draws of its own: half of the requests are for ${halfOf(users)} users.`,
      'Waited: how much of the time the server’s main thread could have run while others did; stolen: how much of the two cores the machine below this virtual one took. A line of which more than 2 % was stolen was measured once more, and the one that lost less counts. Paced runs were made three times, by turns; told is the one with the median p99 from outside.',
      `While asked at a constant rate, ${wrote} rows/s came in. Features from outside: ours / bare = ${(outside(paced, 'ours') / outside(paced, 'bare')).toFixed(2)} × the p99.`,
    ].join('\n\n')
    console.log(`\n${summary}`)
    await bare.server.end()
    await sidecar.end()
    if (size === 'small') return
    const how = `broker: ${brokers.name}`
    const load = `load average ${before} before, ${loadavg()[0]?.toFixed(1)} after; all share the machine`
    picture(most)
    const figures: Figure[] = [
      { name: 'ready from an empty folder', value: cold.readyMs, unit: 'ms' },
      { name: 'ready again', value: warm.readyMs, unit: 'ms' },
      ...paced
        .filter(({ server }) => server === 'ours')
        .map(({ kind, result }) => {
          const value = result.server?.p99 ?? 0
          return { name: `${kind}: server p99`, value, unit: 'ms' as const }
        }),
      { name: 'features: p99 from outside', value: outside(paced, 'ours'), unit: 'ms' },
      { name: 'bare: p99 from outside', value: outside(paced, 'bare'), unit: 'ms' },
      ...most.map(({ kind, result }) => ({
        ...{ name: kind, value: rateOf(result), unit: 'requests/s' as const },
      })),
    ]
    publish({ title: 'Serve', how, load, summary, figures })
  } finally {
    bar.end()
    await log.close()
    await deleteTopics(brokers.addresses, world.topics)
    await brokers.close()
    await rm(folder, { recursive: true, force: true })
  }
}

/** The p99 of features, ms. */
function outside(paced: readonly Asked[], whose: ServerName): number {
  const one = paced.find(({ server, kind }) => server === whose && kind === 'features')
  return one?.result.p99 ?? Number.NaN
}

/** What one sidecar answers as fast as it can. */
function picture(most: readonly Asked[]): void {
  const bars = most.map(({ kind, result }) => ({
    ...{ label: `Millrace: ${kind}`, value: rateOf(result) },
  }))
  const subtitle = 'requests/s at most, all processes on two cores; more is better'
  barChart('serve', { title: 'One sidecar', subtitle }, bars)
}

/** How many ranks have half of all draws. */
function halfOf(users: number): string {
  return Math.round(Math.sqrt(users / 1.781)).toLocaleString('en') // H(n) ≈ ln n + 0.577, halved; e^0.577 is 1.781
}

function parse(args: readonly string[]) {
  const { values } = parseArgs({
    args: [...args],
    options: { brokers: { type: 'string' }, size: { type: 'string', default: 'large' } },
  })
  const { size } = values
  if (size !== 'small' && size !== 'large') throw new Error(`--size is small or large, not ${size}`)
  return { size, given: values.brokers ?? process.env.BROKERS } as const
}
