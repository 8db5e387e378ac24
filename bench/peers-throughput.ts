import type { Log } from '../runtime/log.ts'
import type { Brokers } from './brokers.ts'
import { barChart } from './chart.ts'
import { type Engine, runEngine, type Where } from './engines.ts'
import { type WorkloadOptions, workload } from './events.ts'
import { hashOfFeatures } from './features-hash.ts'
import type { Size } from './flags.ts'
import { ensureInput } from './input.ts'
import type { Figure } from './kept.ts'
import { naiveFeatures } from './naive.ts'
import type { PeersSetting } from './peers.ts'
import { versionOf } from './peers-needs.ts'
import { type Program, withPackage } from './program.ts'
import { openProgress, type Progress } from './progress.ts'
import { publish } from './publish.ts'
import type { RunResult } from './run-result.ts'
import { checkHashes, type Standing, speedBars, standingsOf, standingsText } from './standings.ts'

const guarantee = 'exactly-once'
const engines: readonly Engine[] = [
  { name: 'Millrace', kind: 'millrace', guarantee },
  { name: 'Millrace, a row per event', kind: 'millrace', guarantee, everyEvent: true },
  { name: 'Kafka Streams', kind: 'kafka-streams', guarantee },
  { name: 'Flink', kind: 'flink', guarantee },
]
const lanes = 2
/** Of each engine, before anything counts: the broker and the disk's cache are slower in their first seconds. */
const warmUpEvents = 20_000

const sizes: Readonly<Record<Size, WorkloadOptions>> = {
  small: { events: 20_000, users: 1_000, seed: 1 },
  large: { events: 1_000_000, users: 50_000, seed: 1 },
}

interface EventSet {
  readonly name: string
  readonly load: WorkloadOptions
}

/** Both sets of events, every engine by turns, as often as `rounds` says. Throws where two disagree on any user. */
export async function compareThroughput(
  log: Log,
  brokers: Brokers,
  setting: PeersSetting,
): Promise<void> {
  if (setting.size === 'small') await compare(log, brokers, setting)
  else await withPackage(program => compare(log, brokers, setting, program))
}

async function compare(
  log: Log,
  brokers: Brokers,
  { size, rounds, sets, events = sizes[size].events }: PeersSetting,
  program?: Program,
): Promise<void> {
  const load = { ...sizes[size], events }
  const compared = setsOf(load).slice(0, sets)
  const runs = engines.length * (1 + rounds * compared.length)
  const bar = openProgress('throughput', runs)
  const standings = new Map<string, Standing[]>()
  const told: string[] = []
  const where = { brokers: brokers.addresses, lanes, program }
  try {
    const warmUp = { ...load, events: warmUpEvents, users: 1_000 }
    if (size === 'large') await runAll(log, where, { name: 'warm-up', load: warmUp }, 1, bar)
    for (const set of compared) {
      const results = await runAll(log, where, set, rounds, bar)
      checkHashes(results, size === 'small' ? naiveHash(set.load) : undefined)
      const own = standingsOf(results)
      standings.set(set.name, own)
      const hash = `hash of the final features of all users, the same for all: ${results[0]?.hash}`
      told.push(`### ${set.name}\n\n${standingsText(own)}\n\n${hash}`)
    }
  } finally {
    bar.end()
  }
  const summary = told.join('\n\n')
  console.log(`\n${summary}`)
  if (size === 'small') return
  const how = `${events.toLocaleString('en')} events of JSON, ${guarantee}, ${lanes} threads each, broker: ${brokers.name}, ${rounds} rounds after a warm-up, by turns; ${versionOf('java', '-version')}; Kafka Streams 4.1.2, Flink 2.2.1 (bench/peers)`
  const counted = perMillion(standings, events)
  pictures(counted)
  publish({ title: 'Comparison', how, summary, figures: figuresOf(counted) })
}

function setsOf(load: WorkloadOptions): EventSet[] {
  return [
    { name: 'A shop’s events, in order of time', load },
    { name: 'A month, users by Zipf’s law, out of order', load: { ...load, shape: 'month' } },
  ]
}

async function runAll(
  log: Log,
  where: Omit<Where, 'input'>,
  { name, load }: EventSet,
  rounds: number,
  bar: Progress,
): Promise<RunResult[]> {
  bar.doing(`${name}: making sure of ${load.events} events`)
  const input = await ensureInput(log, load)
  const results: RunResult[] = []
  for (let round = 0; round < rounds; round++)
    for (const engine of engines) {
      bar.next(`${name}: ${engine.name}`)
      const result = await runEngine(log, engine, { ...where, input, events: load.events })
      bar.say(JSON.stringify({ set: name, ...result }))
      results.push(result)
    }
  return results
}

const naiveHash = (load: WorkloadOptions) => hashOfFeatures(naiveFeatures(workload(load)))

/** CPU seconds of so many events as those of a million. */
function perMillion(
  standings: ReadonlyMap<string, readonly Standing[]>,
  events: number,
): Map<string, Standing[]> {
  const counted = (each: Standing) => ({ ...each, cpuSeconds: (each.cpuSeconds * 1e6) / events })
  return new Map(Array.from(standings, ([set, own]) => [set, own.map(counted)]))
}

function pictures(standings: ReadonlyMap<string, readonly Standing[]>): void {
  const bars = [...standings].flatMap(([set, own]) => speedBars(own, set))
  const titles = {
    title: 'Events a second, exactly-once, two cores',
    subtitle: 'medians; the line spans all runs; more is better',
  }
  barChart('peers-throughput', titles, bars)
  const costs = (field: 'cpuSeconds' | 'peakRssMb', panel: string) =>
    [...standings.values()]
      .slice(0, 1)
      .flatMap(own => own.map(each => ({ label: each.engine, value: each[field], panel })))
  const cost = { title: 'What it costs', subtitle: 'the first set; less is better' }
  barChart(
    'peers-cpu',
    { ...cost, title: 'CPU seconds for a million events' },
    costs('cpuSeconds', ''),
  )
  barChart('peers-memory', { ...cost, title: 'Most memory, MB' }, costs('peakRssMb', ''))
}

function figuresOf(standings: ReadonlyMap<string, readonly Standing[]>): Figure[] {
  return [...standings.values()].flatMap((own, at) =>
    own.flatMap(({ engine, eventsPerSecond, cpuSeconds, peakRssMb }): Figure[] => [
      { name: `set ${at + 1}, ${engine}: speed`, value: eventsPerSecond, unit: 'events/s' },
      { name: `set ${at + 1}, ${engine}: CPU`, value: cpuSeconds, unit: 's of CPU' },
      { name: `set ${at + 1}, ${engine}: memory`, value: peakRssMb, unit: 'MB' },
    ]),
  )
}
