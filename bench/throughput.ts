import { parseArgs } from 'node:util'
import { systemClock } from '../runtime/clock.ts'
import { openKafkaLog } from '../runtime/kafka-log.ts'
import type { Log } from '../runtime/log.ts'
import { openBrokers } from './brokers.ts'
import type { WorkloadOptions } from './events.ts'
import { workload } from './events.ts'
import { hashOfFeatures } from './features-hash.ts'
import { type Guarantee, guaranteeFlag, wholeFlag } from './flags.ts'
import { ensureInput } from './input.ts'
import { naiveFeatures } from './naive.ts'
import { machine, table, writeResults } from './results.ts'
import { runMillrace } from './run-millrace.ts'
import { isPeer, type Peer, runPeer } from './run-peer.ts'
import { median, type RunResult } from './run-result.ts'

export const throughputHelp = `npm run bench -- throughput [flags]

  How many events a second one job keeps up with, all of them there beforehand: ours, and the peers' beside it.

  --brokers HOST:PORT   a Kafka (or BROKERS); without one, the embedded broker is started
  --size small|large    20,000 events, held against a plain recomputation; or 1,000,000 (default)
  --events N            another number of events
  --vs PEER             kafka-streams or flink, run by turns with ours (needs Java and Maven); may be repeated
  --rounds N            how often each runs; the medians count (default 1)
  --lanes N             worker threads of ours (default 2)
  --mode MODE           exactly-once (default) or at-least-once`

const sizes = {
  small: { events: 20_000, users: 1_000, seed: 1 },
  large: { events: 1_000_000, users: 50_000, seed: 1 },
}

interface Settings {
  readonly brokers: string | undefined
  readonly load: WorkloadOptions
  readonly small: boolean
  readonly peers: readonly Peer[]
  readonly rounds: number
  readonly lanes: number
  readonly guarantee: Guarantee
}

/** The benchmark as the command runs it; prints as it goes, and writes bench/RESULTS.md in its large size. */
export async function throughput(args: readonly string[]): Promise<void> {
  const settings = parse(args)
  const brokers = await openBrokers(settings.brokers)
  const log = openKafkaLog({ brokers: brokers.addresses, clientId: 'bench', clock: systemClock })
  try {
    console.log(`making sure of ${settings.load.events} events on ${brokers.name}`)
    const input = await ensureInput(log, settings.load)
    const results = await rounds(log, brokers.addresses, input, settings)
    checkHashes(results, settings)
    const summary = summarize(results)
    console.log(`\n${summary}`)
    if (settings.small) return
    const { load, rounds: runs, guarantee } = settings
    const when = machine(new Date(systemClock.now()))
    const how = `${load.events} events, ${guarantee}, broker: ${brokers.name}, rounds: ${runs}`
    writeResults('Throughput', `${when}\n\n${how}\n\n${summary}`)
  } finally {
    await log.close()
    await brokers.close()
  }
}

async function rounds(
  log: Log,
  brokers: string,
  input: string,
  { load, peers, rounds, lanes, guarantee }: Settings,
): Promise<RunResult[]> {
  const run = { brokers, input, events: load.events, guarantee, lanes }
  const results: RunResult[] = []
  for (let round = 0; round < rounds; round++) {
    for (const engine of ['millrace', ...peers] as const) {
      const result =
        engine === 'millrace' ? await runMillrace(log, run) : await runPeer(log, engine, run)
      console.log(JSON.stringify(result))
      results.push(result)
    }
  }
  return results
}

/** All runs over the same events end with the same features; where it is quick, the naive model's. */
function checkHashes(results: readonly RunResult[], { load, small }: Settings): void {
  const wanted = small ? hashOfFeatures(naiveFeatures(workload(load))) : results[0]?.hash
  for (const { engine, hash } of results) {
    if (hash !== wanted)
      throw new Error(`${engine} ended with features ${hash}, not with ${wanted}`)
  }
}

/** A row for each engine, by its medians, and what that is to each peer. */
function summarize(results: readonly RunResult[]): string {
  const engines = [...new Set(results.map(({ engine }) => engine))]
  const medians = engines.map(engine => {
    const own = results.filter(result => result.engine === engine)
    const middle = (field: 'eventsPerSecond' | 'cpuSeconds' | 'peakRssMb') =>
      median(own.map(result => result[field]))
    const speeds = own.map(result => result.eventsPerSecond)
    return {
      engine,
      eventsPerSecond: middle('eventsPerSecond'),
      least: Math.min(...speeds),
      most: Math.max(...speeds),
      cpuSeconds: middle('cpuSeconds'),
      peakRssMb: middle('peakRssMb'),
    }
  })
  const [ours, ...peers] = medians
  const heads = ['engine', 'events/s', 'least', 'most', 'CPU s', 'peak MB']
  const lines = [
    table(
      heads,
      medians.map(each => Object.values(each)),
    ),
    '',
  ]
  for (const peer of peers) {
    const ratio = (ours?.eventsPerSecond ?? 0) / peer.eventsPerSecond
    const cpu = (ours?.cpuSeconds ?? 0) / peer.cpuSeconds
    lines.push(
      `millrace / ${peer.engine}: ${ratio.toFixed(2)} × the events/s, ${cpu.toFixed(2)} × the CPU seconds`,
    )
  }
  lines.push(`hash of the final features: ${results[0]?.hash}`)
  return lines.join('\n')
}

function parse(args: readonly string[]): Settings {
  const { values } = parseArgs({
    args: [...args],
    options: {
      brokers: { type: 'string' },
      size: { type: 'string', default: 'large' },
      events: { type: 'string' },
      vs: { type: 'string', multiple: true, default: [] },
      rounds: { type: 'string', default: '1' },
      lanes: { type: 'string', default: '2' },
      mode: { type: 'string', default: 'exactly-once' },
    },
  })
  const { size } = values
  if (size !== 'small' && size !== 'large') throw new Error(`--size is small or large, not ${size}`)
  const events =
    values.events === undefined ? sizes[size].events : wholeFlag('--events', values.events)
  return {
    brokers: values.brokers ?? process.env.BROKERS,
    load: { ...sizes[size], events },
    small: size === 'small',
    peers: values.vs.map(peerNamed),
    rounds: wholeFlag('--rounds', values.rounds),
    lanes: wholeFlag('--lanes', values.lanes),
    guarantee: guaranteeFlag(values.mode),
  }
}

function peerNamed(name: string): Peer {
  if (!isPeer(name)) throw new Error(`--vs is kafka-streams or flink, not ${name}`)
  return name
}
