import { mkdtemp, rm } from 'node:fs/promises'
import { loadavg, tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { systemClock } from '../runtime/clock.ts'
import { openKafkaLog } from '../runtime/kafka-log.ts'
import { openBrokers } from './brokers.ts'
import { checkAccepted } from './collect-check.ts'
import { CollectBench, type Load, type Measured, type ServerName } from './collect-runs.ts'
import { deleteTopics } from './delete-topics.ts'
import { wholeFlag } from './flags.ts'
import type { Figure } from './kept.ts'
import { type Publication, publish } from './publish.ts'
import { table } from './results.ts'
import { median, middleBy } from './run-result.ts'

export const collectHelp = `npm run bench -- collect [flags]

  What one collector takes over HTTP: at constant rates with single events and with batches of 100, beside a bare
  fastify that only parses; as much as it can take, by autocannon; and its memory over minutes. In the end every
  event that was answered 200 is looked for on the topic.

  --brokers HOST:PORT   a Kafka (or BROKERS); without one, the embedded broker is started
  --disk TEXT           what the broker's log lies on, told with the figures: its stalls are in the answers' times
  --size small|large    seconds at a tenth of the rate; or 20 s a run, those at constant rates five times by turns, and
                        five minutes for the memory (default)
  --part all|loads|memory   all (default)
  --seconds N           another length of each run
  --memory-seconds N    another length of the run for the memory`

interface Loads {
  readonly rows: Measured[]
  readonly ratios: Ratio[]
}

/** Of the p99 from outside, in each turn: the machine's own speed changes from one to the next. */
interface Ratio {
  readonly name: string
  readonly turns: readonly number[]
}

const sizes = {
  small: { seconds: 2, rounds: 1, memorySeconds: 4, rateShare: 0.1 },
  large: { seconds: 20, rounds: 5, memorySeconds: 300, rateShare: 1 },
}
const SINGLES_PER_SECOND = 10_000
const BATCHES_PER_SECOND = 500
const BATCH = 100
/** Per cent. */
const STOLEN_MAX = 2

/** The benchmark as the command runs it; prints as it goes, and writes bench/RESULTS.md in its large size. */
export async function collect(args: readonly string[]): Promise<void> {
  const { size, part, seconds, memorySeconds, given, disk } = parse(args)
  const { rateShare, rounds } = sizes[size]
  const folder = await mkdtemp(join(tmpdir(), 'millrace-bench-collect-'))
  const brokers = await openBrokers(given)
  const topic = `bench-collect-${process.pid}`
  const log = openKafkaLog({ brokers: brokers.addresses, clientId: 'bench', clock: systemClock })
  const before = loadavg()[0]?.toFixed(1)
  const bench = await CollectBench.start(brokers.addresses, folder, topic)
  try {
    const singles = { eventsPerRequest: 1, requestsPerSecond: SINGLES_PER_SECOND * rateShare }
    const batches = { eventsPerRequest: BATCH, requestsPerSecond: BATCHES_PER_SECOND * rateShare }
    await bench.warmUp(Math.min(seconds, 10))
    const parts: Pick<Publication, 'title' | 'summary' | 'figures'>[] = []
    if (part !== 'memory') {
      parts.push(loadsPart(await measured(bench, [singles, batches], seconds, rounds)))
    }
    if (part !== 'loads') {
      const fifths = await bench.memoryOver({ ...singles, tool: 'paced', seconds: memorySeconds })
      const sizes = fifths.map(size => `${size} MB`).join(', ')
      const summary = `Resident memory of the collector at ${singles.requestsPerSecond} single events/s over ${memorySeconds} s, the median of each fifth of that time: ${sizes}.`
      const [first = Number.NaN, last = Number.NaN] = [fifths.at(0), fifths.at(-1)]
      const figures: Figure[] = [
        { name: 'first fifth', value: first, unit: 'MB' },
        { name: 'last fifth', value: last, unit: 'MB' },
      ]
      parts.push({ title: 'Collect, memory', summary, figures })
    }
    await bench.settled()
    const checked = await checkAccepted(log, topic, bench.accepted)
    const [accepted, found] = checked.hashes
    const proof = `${checked.accepted} events were answered 200; on the topic ${checked.found}, twice there ${checked.doubled}. Hash of the accepted: ${accepted}; of those of them on the topic: ${found}.`
    const how = `broker: ${brokers.name}${disk === undefined ? '' : `, its log on ${disk}`}`
    const load = `load average ${before} before, ${loadavg()[0]?.toFixed(1)} after; collector, broker and what sends share the machine`
    for (const { title, summary, figures } of parts) {
      console.log(`\n${summary}\n\n${proof}`)
      const proven = `${summary}\n\n${proof}`
      if (size === 'large') publish({ title, how, load, summary: proven, figures })
    }
  } finally {
    await bench.close()
    await log.close()
    await deleteTopics(brokers.addresses, [topic, `${topic}.rejected`])
    await brokers.close()
    await rm(folder, { recursive: true })
  }
}

/** At a constant rate beside the bare server, by a public tool at that rate, and as much as can be. */
async function measured(
  bench: CollectBench,
  loads: readonly Required<Pick<Load, 'eventsPerRequest' | 'requestsPerSecond'>>[],
  seconds: number,
  rounds: number,
): Promise<Loads> {
  const rows: Measured[] = []
  const ratios: Ratio[] = []
  const measure = async (...run: Parameters<CollectBench['measure']>) => {
    const row = await leastStolen(() => bench.measure(...run))
    console.log(JSON.stringify(row))
    return row
  }
  const servers = ['brokers', 'spool', 'bare'] as const
  for (const load of loads) {
    const runs: Measured[] = []
    for (let round = 0; round < rounds; round++)
      for (const server of servers)
        runs.push(await measure(server, { ...load, tool: 'paced', seconds }))
    for (const server of servers) {
      const own = runs.filter(run => run.server === server)
      rows.push(middleBy(own, ({ outsideP99 }) => outsideP99))
    }
    ratios.push(...ratiosOf(runs))
  }
  for (const load of loads) {
    rows.push(await measure('brokers', { ...load, tool: 'autocannon', seconds }))
    const { eventsPerRequest } = load
    rows.push(await measure('brokers', { eventsPerRequest, tool: 'autocannon', seconds }))
  }
  return { rows, ratios }
}

function loadsPart({ rows, ratios }: Loads) {
  const told = ratios.map(({ name, turns }) => {
    const each = turns.map(turn => turn.toFixed(2)).join(', ')
    return `${name} = ${median(turns).toFixed(2)} × the p99 from outside (in the turns: ${each})`
  })
  return {
    title: 'Collect',
    summary: `${explained}\n\n${tableOf(rows)}\n\n${told.join('\n')}`,
    figures: rows.flatMap(figuresOf),
  }
}

/** Measures once more where the machine's host took from it, and answers what had the quieter time. */
async function leastStolen(measure: () => Promise<Measured>): Promise<Measured> {
  const first = await measure()
  if (first.stolen <= STOLEN_MAX) return first
  const second = await measure()
  return second.stolen < first.stolen ? second : first
}

const explained =
  '256 connections are kept. Brokers: ours, which answers after they have the event. Spool: ours, after its own spool has it (`--answer-after spool`). Bare: a fastify that parses the JSON and answers. Server time is from the histogram of the server itself; outside is ' +
  'from when a request was due (paced), or sent (autocannon, whose rate comes in bursts each second). The first five seconds of each run are not ' +
  "timed from outside: what sends is compiled then. The server's own times leave out some three of them. CPU is the server's; what sends takes its part of the cores, too. Stolen is what the " +
  'host of the virtual machine gave to others, of all its time: each such pause is in the times. A run of which more than 2 % was stolen was made once more, and the one that lost less counts. Paced runs were made five times, by turns; told is the one with the median p99 from outside. A ratio is the median of those in each turn.'

function tableOf(rows: readonly Measured[]): string {
  const heads = ['server', 'load', 'tool', 'events/s', 'failed']
  const times = [
    'server p50 ms',
    'p99',
    'outside p50 ms',
    'p99',
    'CPU µs/event',
    'sender, cores',
    'stolen, %',
  ]
  const rounded = (value: number) => (Number.isNaN(value) ? '–' : Number(value.toFixed(1)))
  const cells = rows.map(row => [
    ...[row.server, row.load, row.tool, row.eventsPerSecond, row.failed],
    ...[row.serverP50, row.serverP99, row.outsideP50, row.outsideP99].map(rounded),
    ...[rounded(row.cpuMicros), row.senderCores.toFixed(2), rounded(row.stolen)],
  ])
  return table([...heads, ...times], cells)
}

function figuresOf(row: Measured): Figure[] {
  const { server, load, tool, eventsPerSecond, serverP99, outsideP99 } = row
  if (tool !== 'paced')
    return [{ name: `${load}, ${tool}`, value: eventsPerSecond, unit: 'events/s' }]
  const name = `${load}, ${server}`
  const outside: Figure = { name: `${name}: p99 from outside`, value: outsideP99, unit: 'ms' }
  return server === 'bare'
    ? [outside]
    : [{ name: `${name}: p99 in the server`, value: serverP99, unit: 'ms' }, outside]
}

/** Of runs under one load, by turns. */
function ratiosOf(runs: readonly Measured[]): Ratio[] {
  const outside = (server: ServerName) =>
    runs.filter(run => run.server === server).map(({ outsideP99 }) => outsideP99)
  const bare = outside('bare')
  return (['brokers', 'spool'] as const).map(server => ({
    name: `${runs[0]?.load}: ${server} / bare`,
    turns: outside(server).map((p99, turn) => p99 / (bare[turn] ?? Number.NaN)),
  }))
}

function parse(args: readonly string[]) {
  const { values } = parseArgs({
    args: [...args],
    options: {
      brokers: { type: 'string' },
      disk: { type: 'string' },
      size: { type: 'string', default: 'large' },
      part: { type: 'string', default: 'all' },
      seconds: { type: 'string' },
      'memory-seconds': { type: 'string' },
    },
  })
  const { size, part } = values
  if (size !== 'small' && size !== 'large') throw new Error(`--size is small or large, not ${size}`)
  if (part !== 'all' && part !== 'loads' && part !== 'memory')
    throw new Error(`--part is all, loads or memory, not ${part}`)
  const whole = (flag: 'seconds' | 'memory-seconds', otherwise: number) =>
    values[flag] === undefined ? otherwise : wholeFlag(`--${flag}`, values[flag])
  return {
    size,
    part,
    seconds: whole('seconds', sizes[size].seconds),
    memorySeconds: whole('memory-seconds', sizes[size].memorySeconds),
    ...(values.disk !== undefined && { disk: values.disk }),
    given: values.brokers ?? process.env.BROKERS,
  } as const
}
