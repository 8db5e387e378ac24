import { rm } from 'node:fs/promises'
import { loadavg, tmpdir } from 'node:os'
import { join } from 'node:path'
import { machine, table, writeResults } from '../../bench/results.ts'
import { systemClock } from '../../runtime/clock.ts'
import { brokerKilled } from '../collect/broker-killed-case.ts'
import { suite } from '../harness.ts'
import { freePort, MillraceProcess } from '../harness-process.ts'
import { needs, startKafka } from '../kafka/own-kafka.ts'
import type { MortalBroker } from '../recovery/broker-killed-case.ts'

/** Thirty seconds without a broker, at the load that one collector is made for. */
const test = suite('a collector at full load whose broker is killed', { timeoutMs: 600_000 })

const loads = [
  { name: '10,000 single events a second', load: { singles: 10_000, batches: 0 } },
  { name: '50,000 events a second in batches of 100', load: { singles: 0, batches: 500 } },
]
const worlds = [
  { kind: 'the embedded broker', answerAfter: 'brokers' },
  { kind: 'Kafka', answerAfter: 'brokers' },
  { kind: 'Kafka', answerAfter: 'spool' },
]
const rows: (string | number)[][] = []
const folder = join(tmpdir(), `millrace-prove-collect-${process.pid}`)

for (const { name, load } of loads) {
  for (const { kind, answerAfter } of worlds) {
    test(`${name}, answered after ${answerAfter}, ${kind} killed for 30 s: every event that was answered is there`, async () => {
      if (kind === 'Kafka') needs('java', 'mvn')
      const port = await freePort(2)
      const start = kind === 'Kafka' ? () => kafka(port) : () => embedded(port)
      const flags = ['--answer-after', answerAfter]
      const options = { load, flags, downMs: 30_000, aroundMs: 10_000, timesMax: 2 }
      const { answered, refused, doubled, drainedMs } = await brokerKilled(start, options)
      const seconds = Number((drainedMs / 1_000).toFixed(1))
      rows.push([name, kind, answerAfter, answered, refused, doubled, seconds])
      await rm(folder, { recursive: true, force: true, maxRetries: 5 })
    })
  }
}

test.after(() => {
  if (rows.length === 0) return
  const heads = [
    'load',
    'broker',
    'answered after',
    'answered 200',
    'requests refused',
    'there twice',
    'drained, s',
  ]
  const when = `${machine(new Date(systemClock.now()))}, load ${loadavg()[0]?.toFixed(0)} at the end`
  const what =
    'The broker is killed with kill -9 for 30 s in the midst of load, which goes on. All events that were answered 200 ' +
    'are on the topic. Drained: from the start of the broker until the spool is empty, which is asked when the load has ended, ten seconds after.'
  writeResults(
    'Collect, the broker killed',
    `${when}, by \`npm run prove\`\n\n${what}\n\n${table(heads, rows)}`,
  )
})

test.run()

async function embedded(port: number): Promise<MortalBroker> {
  const flags = ['--data', join(folder, 'broker'), '--http-port', '0', '--port', String(port)]
  const broker = new MillraceProcess(['broker', ...flags])
  await broker.ready()
  return { address: `127.0.0.1:${port}`, kill: () => broker.kill() }
}

async function kafka(port: number): Promise<MortalBroker> {
  const own = await startKafka('start', port, join(folder, 'kafka'))
  return { address: `127.0.0.1:${port}`, kill: () => own.kill() }
}
