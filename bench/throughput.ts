import { parseArgs } from 'node:util'
import { systemClock } from '../runtime/clock.ts'
import { openKafkaLog } from '../runtime/kafka-log.ts'
import type { Log } from '../runtime/log.ts'
import { openBrokers } from './brokers.ts'
import { barChart } from './chart.ts'
import { type Engine, enginesNamed, runEngine } from './engines.ts'
import { type WorkloadOptions, workload } from './events.ts'
import { hashOfFeatures } from './features-hash.ts'
import { guaranteeFlag, sizeFlag, wholeFlag } from './flags.ts'
import { ensureInput, type Format, formatFlag } from './input.ts'
import { naiveFeatures } from './naive.ts'
import { type Program, withPackage } from './program.ts'
import { openProgress } from './progress.ts'
import { publish } from './publish.ts'
import { peerNamed } from './run-peer.ts'
import type { RunResult } from './run-result.ts'
import { checkHashes, type Standing, speedBars, standingsOf, standingsText } from './standings.ts'

export const throughputHelp = `npm run bench -- throughput [flags]

  How many events a second one job keeps up with, all of them there beforehand: ours, and the peers' beside it.
  \`peers\` is the whole comparison.

  --brokers HOST:PORT   a Kafka (or BROKERS); without one, the embedded broker is started
  --size small|large    20,000 events, held against a plain recomputation; or 1,000,000 (default)
  --events N            another number of events
  --format FORMAT       json (default) or msgpack: of the events; may be repeated, and runs by turns
  --vs PEER             kafka-streams or flink, run by turns with ours (needs Java and Maven); may be repeated
  --every               a row for each event; else one for each user that a commit changed
  --rounds N            how often each runs; the medians count (default 1)
  --lanes N             worker threads of ours (default 2)
  --mode MODE           exactly-once (default) or at-least-once`

const sizes = {
  small: { events: 20_000, users: 1_000, seed: 1 },
  large: { events: 1_000_000, users: 50_000, seed: 1 },
}

interface Turn {
  readonly engine: Engine
  readonly format: Format
}

interface Settings {
  readonly brokers: string | undefined
  readonly load: WorkloadOptions
  readonly small: boolean
  readonly turns: readonly Turn[]
  readonly rounds: number
  readonly lanes: number
  /** For people: guarantee and lanes. */
  readonly how: string
}

/** The benchmark as the command runs it; prints as it goes, and writes bench/RESULTS.md in its large size. */
export async function throughput(args: readonly string[]): Promise<void> {
  const settings = parse(args)
  const { load, small, rounds, turns } = settings
  const brokers = await openBrokers(settings.brokers)
  const log = openKafkaLog({ brokers: brokers.addresses, clientId: 'bench', clock: systemClock })
  try {
    const once = (program?: Program) => run(log, brokers.addresses, settings, program)
    const results = small ? await once() : await withPackage(once)
    checkHashes(results, small ? hashOfFeatures(naiveFeatures(workload(load))) : undefined)
    const standings = standingsOf(results)
    const hash = `hash of the final features: ${results[0]?.hash}`
    const summary = `${standingsText(standings)}\n\n${hash}`
    console.log(`\n${summary}`)
    if (small) return
    const name = turns.length === 1 ? 'Throughput' : titleOf(turns)
    const how = `${load.events} events, ${settings.how}, broker: ${brokers.name}, rounds: ${rounds}`
    picture(name, standings)
    const figures = standings.flatMap(({ engine, eventsPerSecond, cpuSeconds, peakRssMb }) => [
      { name: `${engine}: speed`, value: eventsPerSecond, unit: 'events/s' as const },
      { name: `${engine}: CPU`, value: cpuSeconds, unit: 's of CPU' as const },
      { name: `${engine}: memory`, value: peakRssMb, unit: 'MB' as const },
    ])
    publish({ title: name, how, summary, figures })
  } finally {
    await log.close()
    await brokers.close()
  }
}

async function run(
  log: Log,
  brokers: string,
  settings: Settings,
  program: Program | undefined,
): Promise<RunResult[]> {
  const { load, turns, rounds, lanes } = settings
  const { events } = load
  const formats = [...new Set(turns.map(({ format }) => format))]
  const bar = openProgress('throughput', turns.length * rounds)
  const inputs = new Map<Format, string>()
  const results: RunResult[] = []
  try {
    for (const format of formats) {
      bar.doing(`making sure of ${events} events`)
      inputs.set(format, await ensureInput(log, load, format))
    }
    for (let round = 0; round < rounds; round++)
      for (const { engine, format } of turns) {
        bar.next(engine.name)
        const input = inputs.get(format) ?? ''
        const result = await runEngine(log, engine, { brokers, input, lanes, events, program })
        bar.say(JSON.stringify(result))
        results.push(result)
      }
  } finally {
    bar.end()
  }
  return results
}

function picture(name: string, standings: readonly Standing[]): void {
  const file = name.toLowerCase().replaceAll(/[^a-z]+/g, '-')
  const titles = {
    title: name,
    subtitle: 'events/s, medians; the line spans all runs; more is better',
  }
  barChart(file, titles, speedBars(standings))
}

const titleOf = (turns: readonly Turn[]): string =>
  turns.some(({ engine }) => engine.kind !== 'millrace') ? 'Throughput beside peers' : 'Formats'

function parse(args: readonly string[]): Settings {
  const { values } = parseArgs({
    args: [...args],
    options: {
      brokers: { type: 'string' },
      size: { type: 'string', default: 'large' },
      events: { type: 'string' },
      format: { type: 'string', multiple: true, default: ['json'] },
      vs: { type: 'string', multiple: true, default: [] },
      every: { type: 'boolean', default: false },
      rounds: { type: 'string', default: '1' },
      lanes: { type: 'string', default: '2' },
      mode: { type: 'string', default: 'exactly-once' },
    },
  })
  const size = sizeFlag(values.size)
  const events =
    values.events === undefined ? sizes[size].events : wholeFlag('--events', values.events)
  const guarantee = guaranteeFlag(values.mode)
  const [ours, ...peers] = enginesNamed(values.vs.map(peerNamed), guarantee)
  if (ours === undefined) throw new Error('there is no engine')
  const everyEvent = values.every
  const own = values.format.map(formatFlag).map((format): Turn => {
    const name = format === 'json' ? ours.name : `${ours.name}, ${format}`
    return { engine: { ...ours, everyEvent, name }, format }
  })
  const lanes = wholeFlag('--lanes', values.lanes)
  return {
    brokers: values.brokers ?? process.env.BROKERS,
    load: { ...sizes[size], events },
    small: size === 'small',
    turns: [...own, ...peers.map((engine): Turn => ({ engine, format: 'json' }))],
    rounds: wholeFlag('--rounds', values.rounds),
    lanes,
    how: `${guarantee}, ${lanes} lanes${everyEvent ? ', a row for each event' : ''}`,
  }
}
