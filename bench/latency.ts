import { randomUUID } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { systemClock } from '../runtime/clock.ts'
import { openKafkaLog } from '../runtime/kafka-log.ts'
import type { Log } from '../runtime/log.ts'
import { openBrokers } from './brokers.ts'
import { deleteTopics } from './delete-topics.ts'
import { type Guarantee, guaranteeFlag, wholeFlag } from './flags.ts'
import { eventsTopic } from './input.ts'
import { probeLatency } from './latency-probe.ts'
import type { MeasuredProcess } from './measured-process.ts'
import { machine, table, writeResults } from './results.ts'
import { type StartedEngine, startMillrace } from './run-millrace.ts'
import { isPeer, startPeer } from './run-peer.ts'
import { percentile } from './run-result.ts'

export const latencyHelp = `npm run bench -- latency [flags]

  From sending an event to receiving the row that covers it, by one read-committed reader.

  --brokers HOST:PORT   a Kafka (or BROKERS); without one, the embedded broker is started
  --rate N              events a second (default 500)
  --seconds N           how long it counts, after 5 s that do not (default 20)
  --vs PEER             kafka-streams or flink after ours (needs Java and Maven); may be repeated
  --mode MODE           exactly-once (default) or at-least-once`

const WARMUP_SECONDS = 5

interface Latency {
  readonly engine: string
  readonly p50: number
  readonly p95: number
  readonly p99: number
  readonly most: number
}

/** The benchmark as the command runs it; prints as it goes, and writes bench/RESULTS.md. */
export async function latency(args: readonly string[]): Promise<void> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      brokers: { type: 'string' },
      rate: { type: 'string', default: '500' },
      seconds: { type: 'string', default: '20' },
      vs: { type: 'string', multiple: true, default: [] },
      mode: { type: 'string', default: 'exactly-once' },
    },
  })
  const rate = wholeFlag('--rate', values.rate)
  const seconds = wholeFlag('--seconds', values.seconds)
  const guarantee = guaranteeFlag(values.mode)
  const brokers = await openBrokers(values.brokers ?? process.env.BROKERS)
  const log = openKafkaLog({ brokers: brokers.addresses, clientId: 'bench', clock: systemClock })
  try {
    const results: Latency[] = []
    for (const engine of ['millrace', ...values.vs]) {
      const setting = { brokers: brokers.addresses, guarantee, rate, seconds }
      const result = await measure(log, engine, setting)
      console.log(JSON.stringify(result))
      results.push(result)
    }
    const heads = ['engine', 'p50 ms', 'p95 ms', 'p99 ms', 'most ms']
    const summary = table(
      heads,
      results.map(each => Object.values(each)),
    )
    console.log(`\n${summary}`)
    const when = machine(new Date(systemClock.now()))
    const how = `${rate} events/s, ${guarantee}, broker: ${brokers.name}`
    writeResults('Latency', `${when}, ${how}\n\n${summary}`)
  } finally {
    await log.close()
    await brokers.close()
  }
}

interface Setting {
  readonly brokers: string
  readonly guarantee: Guarantee
  readonly rate: number
  readonly seconds: number
}

async function measure(log: Log, engine: string, setting: Setting): Promise<Latency> {
  const input = `bench-latency-${randomUUID().slice(0, 8)}`
  await log.topics.create([eventsTopic(input)])
  const folder = await mkdtemp(join(tmpdir(), 'millrace-bench-'))
  let child: MeasuredProcess | undefined
  let topics = [input]
  try {
    const started = await start(engine, folder, { ...setting, input })
    child = started.child
    topics = [input, ...started.topics]
    await Promise.race([started.ready(), child.failed()])
    const found = await probeLatency({
      log,
      clock: systemClock,
      input,
      output: started.output,
      eventsPerSecond: setting.rate,
      warmupEvents: WARMUP_SECONDS * setting.rate,
      events: setting.seconds * setting.rate,
    })
    await child.end()
    const at = (share: number) => Math.round(percentile(found, share) * 10) / 10
    return { engine, p50: at(0.5), p95: at(0.95), p99: at(0.99), most: at(1) }
  } finally {
    child?.kill()
    await rm(folder, { recursive: true })
    await deleteTopics(setting.brokers, topics)
  }
}

function start(
  engine: string,
  folder: string,
  run: Setting & { readonly input: string },
): Promise<StartedEngine> | StartedEngine {
  if (engine === 'millrace') return startMillrace(folder, { ...run, lanes: 2 })
  if (isPeer(engine)) return startPeer(engine, run)
  throw new Error(`--vs is kafka-streams or flink, not ${engine}`)
}
