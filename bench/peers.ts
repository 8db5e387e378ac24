import { parseArgs } from 'node:util'
import { systemClock } from '../runtime/clock.ts'
import { openKafkaLog } from '../runtime/kafka-log.ts'
import { openBrokers } from './brokers.ts'
import { type Size, sizeFlag, wholeFlag } from './flags.ts'
import { compareLatency } from './peers-latency.ts'
import { missingForPeers } from './peers-needs.ts'
import { compareThroughput } from './peers-throughput.ts'

export const peersHelp = `npm run bench -- peers [flags]

  The same job in Millrace, Kafka Streams and Flink, on the same broker and by turns: throughput over two sets of
  events, which are made once, with the same final features for every user held against each other; and latency at two
  rates. Writes bench/RESULTS.md and docs/charts. Needs Java 17, Maven and Linux; the first use fetches the jars.

  --brokers HOST:PORT   a Kafka (or BROKERS); without one, the embedded broker is started, which suits the small size
  --size small|large    20,000 events, once, and 3 s (a minute in all); or 1,000,000, three times, and 20 s (default)
  --events N            another number of events in a set
  --seconds N           of latency, another time that counts
  --rounds N            how often each engine runs over each set, after a warm-up; the medians count
  --latency-rounds N    the same for latency (default 1)
  --part PART           throughput or latency alone; may be repeated
  --sets N              1 or 2: how many of the sets of events (default 2)`

const parts = ['throughput', 'latency'] as const
type Part = (typeof parts)[number]

export interface PeersSetting {
  readonly size: Size
  readonly rounds: number
  readonly latencyRounds: number
  readonly sets: number
  /** Of each set; the size's own where left out. */
  readonly events: number | undefined
  readonly seconds: number | undefined
}

/** The benchmark as the command runs it; prints as it goes, and writes bench/RESULTS.md in its large size. */
export async function peers(args: readonly string[]): Promise<void> {
  const { wanted, given, ...setting } = parse(args)
  const missing = missingForPeers()
  if (missing !== undefined)
    throw new Error(
      `the peers cannot run here, for want of: ${missing}. \`throughput\` and \`latency\` measure Millrace alone`,
    )
  const brokers = await openBrokers(given)
  const log = openKafkaLog({ brokers: brokers.addresses, clientId: 'bench', clock: systemClock })
  try {
    if (wanted.includes('throughput')) await compareThroughput(log, brokers, setting)
    if (wanted.includes('latency')) await compareLatency(log, brokers, setting)
  } finally {
    await log.close()
    await brokers.close()
  }
}

function parse(args: readonly string[]) {
  const { values } = parseArgs({
    args: [...args],
    options: {
      brokers: { type: 'string' },
      size: { type: 'string', default: 'large' },
      events: { type: 'string' },
      seconds: { type: 'string' },
      rounds: { type: 'string' },
      'latency-rounds': { type: 'string', default: '1' },
      part: { type: 'string', multiple: true, default: [...parts] },
      sets: { type: 'string', default: '2' },
    },
  })
  const size = sizeFlag(values.size)
  const usual = size === 'small' ? 1 : 3
  const rounds = values.rounds === undefined ? usual : wholeFlag('--rounds', values.rounds)
  const sets = wholeFlag('--sets', values.sets)
  if (sets > 2) throw new Error(`--sets is 1 or 2, not ${sets}`)
  const optional = (flag: 'events' | 'seconds') =>
    values[flag] === undefined ? undefined : wholeFlag(`--${flag}`, values[flag])
  const more = { events: optional('events'), seconds: optional('seconds') }
  const given = values.brokers ?? process.env.BROKERS
  const latencyRounds = wholeFlag('--latency-rounds', values['latency-rounds'])
  return { size, rounds, latencyRounds, sets, ...more, wanted: values.part.map(partNamed), given }
}

function partNamed(name: string): Part {
  const part = parts.find(each => each === name)
  if (part === undefined) throw new Error(`--part is ${parts.join(' or ')}, not ${name}`)
  return part
}
