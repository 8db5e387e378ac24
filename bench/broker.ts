import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { loadavg } from 'node:os'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { systemClock } from '../runtime/clock.ts'
import { openKafkaLog } from '../runtime/kafka-log.ts'
import type { ClientResult, ClientTask } from './broker-client.ts'
import { processListeningOn } from './broker-pid.ts'
import { type Brokers, openBrokers } from './brokers.ts'
import { deleteTopics } from './delete-topics.ts'
import { wholeFlag } from './flags.ts'
import { usageOf } from './measured-process.ts'
import { machine, table, writeResults } from './results.ts'
import { median } from './run-result.ts'

export const brokerHelp = `npm run bench -- broker [flags]

  How many records a second go into and out of the embedded broker with kafkajs, and what they cost on each
  side: clients and broker are processes of their own. Records of 100 bytes, keyed; sends of up to 400. What the
  broker costs is all that its process does meanwhile: a Kafka that others use at the same time seems dearer.

  --brokers HOST:PORT   a Kafka (or BROKERS) to run by turns with ours; without one, ours runs alone
  --records N           into and out of each client process (default 200,000)
  --rounds N            how often each runs; the medians count (default 3)
  --send N              records in one send (default 400)`

const PARTITIONS = 4
const RECORD_BYTES = 100
const SENDS_IN_FLIGHT = 5
/** A JVM and a Node that have just started are slower than either is afterwards. */
const WARM_UP_RECORDS = 40_000

interface Settings {
  readonly brokers: string | undefined
  readonly records: number
  readonly rounds: number
  readonly recordsPerSend: number
}

interface Measure {
  readonly broker: string
  readonly way: 'in' | 'out'
  readonly clients: number
  readonly recordsPerSecond: number
  readonly clientMicros: number
  /** Not a number for a broker on another machine. */
  readonly brokerMicros: number
}

/** The benchmark as the command runs it: prints as it goes, and writes bench/RESULTS.md. */
export async function broker(args: readonly string[]): Promise<void> {
  const settings = parse(args)
  const load = loadavg()[0]?.toFixed(1) ?? 'unknown'
  const own = await openBrokers(undefined)
  const others = settings.brokers === undefined ? [] : [await openBrokers(settings.brokers)]
  try {
    const all = [own, ...others]
    const warmUp = { ...settings, records: WARM_UP_RECORDS }
    for (const each of all) await run(each, 1, warmUp)
    const measures: Measure[] = []
    for (let round = 0; round < settings.rounds; round++) {
      for (const clients of [1, 2]) {
        for (const each of all) {
          const found = await run(each, clients, settings)
          for (const one of found) console.log(JSON.stringify(one))
          measures.push(...found)
        }
      }
    }
    report(measures, settings, load)
  } finally {
    for (const each of [...others, own]) await each.close()
  }
}

/** So many client processes at once: first all into one topic, then all out of it, each all that went in. */
async function run(brokers: Brokers, clients: number, settings: Settings): Promise<Measure[]> {
  const log = openKafkaLog({ brokers: brokers.addresses, clientId: 'bench', clock: systemClock })
  const topic = `bench-broker-${process.pid}-${Math.round(systemClock.elapsed())}`
  try {
    await log.topics.create([{ topic, partitions: PARTITIONS, replication: 1, config: {} }])
    const measures: Measure[] = []
    for (const way of ['in', 'out'] as const) {
      const { records, recordsPerSend } = settings
      const tasks = Array.from({ length: clients }, (_, index) => ({
        brokers: brokers.addresses,
        topic,
        partitions: PARTITIONS,
        way,
        records: way === 'in' ? records : records * clients,
        recordBytes: RECORD_BYTES,
        recordsPerSend,
        sendsInFlight: SENDS_IN_FLIGHT,
        group: `${topic}-${index}`,
      }))
      measures.push({ broker: brokers.name, way, clients, ...(await measure(tasks)) })
    }
    return measures
  } finally {
    await log.close()
    await deleteTopics(brokers.addresses, [topic])
  }
}

async function measure(tasks: readonly ClientTask[]) {
  const [first] = tasks
  const pid = first && processListeningOn(first.brokers)
  const brokerCpu = () => (pid === undefined ? undefined : usageOf(pid)?.cpuSeconds) ?? Number.NaN
  const clients = await Promise.all(tasks.map(startClient))
  const before = brokerCpu()
  const results = await Promise.all(clients.map(resultOf))
  const brokerSeconds = brokerCpu() - before
  const records = tasks.reduce((sum, task) => sum + task.records, 0)
  const from = Math.min(...results.map(each => each.from))
  const ms = Math.max(...results.map(each => each.to)) - from
  const clientSeconds = results.reduce((sum, each) => sum + each.cpuSeconds, 0)
  return {
    recordsPerSecond: Math.round((records * 1000) / ms),
    clientMicros: (clientSeconds * 1e6) / records,
    brokerMicros: (brokerSeconds * 1e6) / records,
  }
}

const program = fileURLToPath(new URL('./broker-client.ts', import.meta.url))
const loader = new URL('../bin/typescript.js', import.meta.url).href

/** Resolves when it has connected. */
async function startClient(task: ClientTask): Promise<ChildProcess> {
  const args = ['--import', loader, program, JSON.stringify(task)]
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] })
  await messageOf(child)
  return child
}

async function resultOf(child: ChildProcess): Promise<ClientResult> {
  const result = messageOf(child)
  child.send('begin')
  return (await result) as ClientResult
}

async function messageOf(child: ChildProcess): Promise<unknown> {
  const heard = new AbortController()
  const { signal } = heard
  try {
    return await Promise.race([
      once(child, 'message', { signal }).then(([message]) => message),
      once(child, 'exit', { signal }).then(([code]) => {
        throw new Error(`a client ended with ${code}`)
      }),
    ])
  } finally {
    heard.abort()
  }
}

function report(measures: readonly Measure[], settings: Settings, load: string): void {
  const { records, rounds, recordsPerSend } = settings
  const kinds = new Map<string, Measure[]>()
  for (const each of measures) {
    const kind = `${each.broker} ${each.way} ${each.clients}`
    kinds.set(kind, [...(kinds.get(kind) ?? []), each])
  }
  const rows = Array.from(kinds.values(), row)
  const heads = ['broker', 'way', 'client processes', 'records/s', 'client µs', 'broker µs']
  const summary = table(heads, rows)
  console.log(`\n${summary}`)
  writeResults(
    'The embedded broker with kafkajs',
    [
      `${machine(new Date(systemClock.now()))}, load ${load} before`,
      `${records} records of ${RECORD_BYTES} bytes from each client process, ${recordsPerSend} in a send, ${SENDS_IN_FLIGHT} sends in flight; each reads all; medians of ${rounds} rounds. µs: of CPU, for each record`,
      summary,
    ].join('\n\n'),
  )
}

/** The medians of runs of one kind. */
function row(runs: readonly Measure[]): (string | number)[] {
  const [{ broker, way, clients }] = runs as [Measure]
  const middle = (field: 'recordsPerSecond' | 'clientMicros' | 'brokerMicros') =>
    median(runs.map(each => each[field]))
  const brokerMicros = middle('brokerMicros')
  return [
    ...[broker, way, clients, middle('recordsPerSecond')],
    Number(middle('clientMicros').toFixed(1)),
    Number.isNaN(brokerMicros) ? '–' : Number(brokerMicros.toFixed(2)),
  ]
}

function parse(args: readonly string[]): Settings {
  const { values } = parseArgs({
    args: [...args],
    options: {
      brokers: { type: 'string' },
      records: { type: 'string', default: '200000' },
      rounds: { type: 'string', default: '3' },
      send: { type: 'string', default: '400' },
    },
  })
  return {
    brokers: values.brokers ?? process.env.BROKERS,
    records: wholeFlag('--records', values.records),
    rounds: wholeFlag('--rounds', values.rounds),
    recordsPerSend: wholeFlag('--send', values.send),
  }
}
