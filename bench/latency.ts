import { parseArgs } from 'node:util'
import { systemClock } from '../runtime/clock.ts'
import { openKafkaLog } from '../runtime/kafka-log.ts'
import { openBrokers } from './brokers.ts'
import { dotChart } from './chart.ts'
import { type Engine, enginesNamed } from './engines.ts'
import { guaranteeFlag, sizeFlag, wholeFlag } from './flags.ts'
import {
  type Latency,
  latencyDots,
  latencyFigures,
  latencyTable,
  measureLatency,
} from './latency-run.ts'
import { openProgress } from './progress.ts'
import { publish } from './publish.ts'
import { peerNamed } from './run-peer.ts'

export const latencyHelp = `npm run bench -- latency [flags]

  From sending an event to receiving the row that covers it, by one read-committed reader. \`peers\` is the whole
  comparison.

  --brokers HOST:PORT   a Kafka (or BROKERS); without one, the embedded broker is started
  --size small|large    2 s after 1 s that do not count; or 20 s after 5 s (default)
  --rate N              events a second (default 500)
  --seconds N           another time that counts
  --vs PEER             kafka-streams or flink after ours, at its quickest (needs Java and Maven); may be repeated
  --every               a row for each event; else one for each user that a commit changed
  --mode MODE           exactly-once (default) or at-least-once`

const sizes = {
  small: { warmupSeconds: 1, seconds: 2 },
  large: { warmupSeconds: 5, seconds: 20 },
}

/** The peers' quickest settings: what is exactly-once is visible with the commit or checkpoint, and no sooner. */
export function quick(engine: Engine): Engine {
  if (engine.guarantee === 'at-least-once' || engine.kind === 'millrace') return engine
  const commitMs = engine.kind === 'flink' ? 100 : 10
  return { ...engine, commitMs }
}

/** The benchmark as the command runs it; prints as it goes, and writes bench/RESULTS.md in its large size. */
export async function latency(args: readonly string[]): Promise<void> {
  const { size, engines, how, given, ...setting } = parse(args)
  const brokers = await openBrokers(given)
  const log = openKafkaLog({ brokers: brokers.addresses, clientId: 'bench', clock: systemClock })
  const bar = openProgress('latency', engines.length)
  try {
    const results: Latency[] = []
    for (const engine of engines) {
      bar.next(engine.name)
      const where = { ...setting, brokers: brokers.addresses }
      results.push(await measureLatency(log, engine, where))
    }
    bar.end()
    const summary = latencyTable(results)
    console.log(`\n${summary}`)
    if (size === 'small') return
    const subtitle =
      'ms from sending an event to receiving its row; a scale of tens, less is better'
    dotChart('latency', { title: 'Latency', subtitle }, latencyDots(results))
    const about = `${how}, broker: ${brokers.name}`
    publish({ title: 'Latency', how: about, summary, figures: latencyFigures(results) })
  } finally {
    bar.end()
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
      rate: { type: 'string', default: '500' },
      seconds: { type: 'string' },
      vs: { type: 'string', multiple: true, default: [] },
      every: { type: 'boolean', default: false },
      mode: { type: 'string', default: 'exactly-once' },
    },
  })
  const size = sizeFlag(values.size)
  const eventsPerSecond = wholeFlag('--rate', values.rate)
  const { warmupSeconds, ...usual } = sizes[size]
  const seconds =
    values.seconds === undefined ? usual.seconds : wholeFlag('--seconds', values.seconds)
  const guarantee = guaranteeFlag(values.mode)
  const engines = enginesNamed(values.vs.map(peerNamed), guarantee).map(engine =>
    quick(engine.kind === 'millrace' ? { ...engine, everyEvent: values.every } : engine),
  )
  const given = values.brokers ?? process.env.BROKERS
  const how = `${eventsPerSecond} events/s for ${seconds} s, ${guarantee}`
  return { size, engines, how, given, eventsPerSecond, seconds, warmupSeconds }
}
