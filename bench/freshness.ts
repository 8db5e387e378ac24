import { mkdtemp, rm } from 'node:fs/promises'
import { Agent, request } from 'node:http'
import { loadavg, tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { systemClock } from '../runtime/clock.ts'
import { openBrokers } from './brokers.ts'
import { deleteTopics } from './delete-topics.ts'
import { wholeFlag } from './flags.ts'
import { untilReady } from './listening.ts'
import { MeasuredProcess } from './measured-process.ts'
import { sendPaced } from './paced-client.ts'
import { publish } from './publish.ts'
import { table } from './results.ts'
import { percentile } from './run-result.ts'
import { readTicks, stolenSince } from './stolen-time.ts'

export const freshnessHelp = `npm run bench -- freshness [flags]

  From an event sent to collect until serve answers with it, through real processes: collect, the job email, serve and
  the broker. At a constant rate, of which every 25th event is of a user of its own who is asked for until he is there.

  --brokers HOST:PORT   a Kafka (or BROKERS); without one, the embedded broker is started
  --size small|large    a few seconds; or a warm-up of 15 s and a minute (default)
  --rate N              events/s, 500`

const sizes = { small: { warmUpSeconds: 2, seconds: 4 }, large: { warmUpSeconds: 15, seconds: 60 } }
const PROBE_EVERY = 25
const ASK_MS = 2
const GIVE_UP_MS = 20_000
const READY_MS_MAX = 60_000
/** Per cent that the host of a virtual machine may take of its time before a run is measured again. */
const STOLEN_MAX = 2
const program = fileURLToPath(new URL('../bin/millrace.js', import.meta.url))
const headers = { authorization: `Basic ${btoa('dev:')}`, 'content-type': 'application/json' }

/** The benchmark as the command runs it; prints as it goes, and writes bench/RESULTS.md in its large size. */
export async function freshness(args: readonly string[]): Promise<void> {
  const { size, rate, given } = parse(args)
  const { warmUpSeconds, seconds } = sizes[size]
  const folder = await mkdtemp(join(tmpdir(), 'millrace-bench-freshness-'))
  const brokers = await openBrokers(given)
  const running: MeasuredProcess[] = []
  const before = loadavg()[0]?.toFixed(1)
  const start = async (...command: string[]) => {
    const where = ['--brokers', brokers.addresses, '--data', folder, '--port', '0']
    const process_ = new MeasuredProcess(process.execPath, [program, ...command, ...where])
    running.push(process_)
    return (await untilReady(process_, READY_MS_MAX)).port
  }
  try {
    await start('run', 'email', '--create-input', '--lanes', '2')
    const collect = await start('collect')
    const serve = await start('serve')
    await load(collect, serve, rate, warmUpSeconds, 'warm')
    const probe = (name: string) => probed(() => load(collect, serve, rate, seconds, name))
    let { times, stolen } = await probe('probe')
    if (size === 'large' && stolen > STOLEN_MAX) {
      const again = await probe('probe-again')
      if (again.stolen < stolen) ({ times, stolen } = again)
    }
    const at = (share: number) => Number((percentile(times, share) ?? Number.NaN).toFixed(1))
    const figures = [rate, times.length, at(0.5), at(0.95), at(0.99), at(1), stolen.toFixed(1)]
    const heads = ['events/s', 'events followed', 'p50 ms', 'p95', 'p99', 'most', 'stolen %']
    const summary = table(heads, [figures])
    console.log(summary)
    if (size === 'small') return
    const how = `broker: ${brokers.name}`
    const loads = `load average ${before} before, ${loadavg()[0]?.toFixed(1)} after; all processes share the machine`
    const what =
      'From the request to collect until serve answers with the event in the row, asked every 2 ms. Stolen is what the host of this virtual machine took of its time; a run that lost more than 2 % was made once more, and the one that lost less is told.'
    publish({
      ...{ title: 'Freshness', how, load: loads, summary: `${what}\n\n${summary}` },
      figures: [
        { name: `${rate}/s: p50`, value: at(0.5), unit: 'ms' },
        { name: `${rate}/s: p99`, value: at(0.99), unit: 'ms' },
      ],
    })
  } finally {
    for (const each of running.reverse()) await each.end().catch(() => each.kill())
    if (given !== undefined) await deleteTopics(brokers.addresses, topics)
    await brokers.close()
    await rm(folder, { recursive: true, force: true })
  }
}

const topics = [
  ...['events', 'events.rejected', 'products'],
  ...['features', 'changelog', 'triggers', 'late', 'dead', 'erased'].map(end => `email.${end}`),
]

async function probed(measure: () => Promise<number[]>) {
  const before = readTicks()
  const times = await measure()
  return { times, stolen: stolenSince(before) }
}

/** Sends at the rate, and answers how long each probe took, ms. */
async function load(
  collect: number,
  serve: number,
  rate: number,
  seconds: number,
  name: string,
): Promise<number[]> {
  const times: number[] = []
  const following: Promise<void>[] = []
  const agent = new Agent({ keepAlive: true, maxSockets: 32 })
  const isProbe = (number: number) => number % PROBE_EVERY === 0
  await sendPaced({
    ...{
      host: '127.0.0.1',
      port: collect,
      path: '/v1/track',
      headers,
      connections: 32,
      perSecond: rate,
    },
    signal: AbortSignal.timeout(seconds * 1_000),
    body(number) {
      const userId = isProbe(number) ? `${name}-${number}` : `user-${(number * 7_919) % 50_000}`
      if (isProbe(number)) {
        const sentAt = systemClock.elapsed()
        following.push(
          until(agent, serve, userId).then(found => {
            if (found) times.push(systemClock.elapsed() - sentAt)
          }),
        )
      }
      const properties = { product_id: `p${number % 240}`, category: `c${number % 6}`, price: 9.5 }
      return JSON.stringify({
        userId,
        event: 'Product Viewed',
        messageId: `${name}-${number}`,
        properties,
      })
    },
    answered: () => undefined,
  })
  await Promise.all(following)
  agent.destroy()
  if (times.length < following.length)
    throw new Error(
      `${following.length - times.length} of ${following.length} events were not in serve after ${GIVE_UP_MS} ms`,
    )
  return times
}

/** Asks until the user is there; false when he does not come. */
async function until(agent: Agent, port: number, user: string): Promise<boolean> {
  const path = `/v1/users/${user}/features`
  const giveUpAt = systemClock.elapsed() + GIVE_UP_MS
  while (systemClock.elapsed() < giveUpAt) {
    if ((await statusOf(agent, port, path)) === 200) return true
    await systemClock.sleep(ASK_MS)
  }
  return false
}

function statusOf(agent: Agent, port: number, path: string): Promise<number | undefined> {
  return new Promise((resolve, reject) => {
    const asked = request({ agent, host: '127.0.0.1', port, path }, answer => {
      answer.resume()
      answer.on('end', () => resolve(answer.statusCode))
    })
    asked.on('error', reject)
    asked.end()
  })
}

function parse(args: readonly string[]) {
  const { values } = parseArgs({
    args: [...args],
    options: {
      brokers: { type: 'string' },
      size: { type: 'string', default: 'large' },
      rate: { type: 'string', default: '500' },
    },
  })
  const { size } = values
  if (size !== 'small' && size !== 'large') throw new Error(`--size is small or large, not ${size}`)
  const rate = wholeFlag('--rate', values.rate)
  return { size, rate, given: values.brokers ?? process.env.BROKERS } as const
}
