import type { Log } from '../runtime/log.ts'
import type { Brokers } from './brokers.ts'
import { dotChart } from './chart.ts'
import type { Engine } from './engines.ts'
import {
  type Latency,
  latencyDots,
  latencyFigures,
  latencyMedians,
  latencyTable,
  measureLatency,
} from './latency-run.ts'
import type { PeersSetting } from './peers.ts'
import { openProgress, type Progress } from './progress.ts'
import { publish } from './publish.ts'

const once = 'exactly-once'
const least = 'at-least-once'
/** The peers at their quickest, and Kafka Streams as it comes, too. */
const engines: readonly Engine[] = [
  { name: 'Millrace', kind: 'millrace', guarantee: once },
  { name: 'Millrace, a row per event', kind: 'millrace', guarantee: once, everyEvent: true },
  { name: 'Kafka Streams, 100 ms', kind: 'kafka-streams', guarantee: once },
  { name: 'Kafka Streams, 10 ms', kind: 'kafka-streams', guarantee: once, commitMs: 10 },
  { name: 'Flink, 100 ms', kind: 'flink', guarantee: once, commitMs: 100 },
  { name: 'Millrace, at least once', kind: 'millrace', guarantee: least },
  { name: 'Kafka Streams, at least once', kind: 'kafka-streams', guarantee: least },
]
const rates = [500, 2_000]
const sizes = {
  small: { warmupSeconds: 1, seconds: 3 },
  large: { warmupSeconds: 10, seconds: 20 },
}

/** Every engine at both rates; in one round unless more are asked for, as twenty seconds have thousands of events. */
export async function compareLatency(
  log: Log,
  brokers: Brokers,
  { size, latencyRounds, seconds = sizes[size].seconds }: PeersSetting,
): Promise<void> {
  const compared = size === 'small' ? rates.slice(0, 1) : rates
  const runs = engines.length * compared.length * latencyRounds + (size === 'small' ? 0 : 1)
  const bar = openProgress('latency', runs)
  const found: Latency[] = []
  try {
    if (size !== 'small') await warmBroker(log, brokers.addresses, bar)
    for (let round = 0; round < latencyRounds; round++)
      for (const eventsPerSecond of compared)
        for (const engine of engines) {
          bar.next(`${engine.name}, ${eventsPerSecond} events/s`)
          const setting = { ...sizes[size], brokers: brokers.addresses, eventsPerSecond, seconds }
          const latency = await measureLatency(log, engine, setting)
          bar.say(JSON.stringify(latency))
          found.push(latency)
        }
  } finally {
    bar.end()
  }
  const medians = latencyMedians(found)
  const summary = latencyTable(medians)
  console.log(`\n${summary}`)
  if (size === 'small') return
  const title = 'From an event sent to its row received'
  const subtitle = 'ms, on a scale of tens; exactly-once unless it says otherwise; less is better'
  dotChart('peers-latency', { title, subtitle }, latencyDots(medians))
  const how = `From sending an event to one read-committed reader having the first row that covers it, ${seconds} s after ${sizes.large.warmupSeconds} s that do not count; ms are of the commit or checkpoint; broker: ${brokers.name}, rounds: ${latencyRounds}`
  publish({ title: 'Comparison: latency', how, summary, figures: latencyFigures(medians) })
}

/** A broker that has just started answers slowly for a while, and the first engine would pay for it. */
async function warmBroker(log: Log, brokers: string, bar: Progress): Promise<void> {
  const [first] = engines
  const eventsPerSecond = Math.max(...rates)
  bar.next('warm-up')
  if (first !== undefined)
    await measureLatency(log, first, { ...sizes.large, brokers, eventsPerSecond })
}
