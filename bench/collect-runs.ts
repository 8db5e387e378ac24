import { readFileSync } from 'node:fs'
import { systemClock } from '../runtime/clock.ts'
import { processListeningOn } from './broker-pid.ts'
import { ownPath, programArgs, runTask } from './child-task.ts'
import { EventSet } from './collect-events.ts'
import type { LoadResult, LoadTask } from './collect-load.ts'
import { listening } from './listening.ts'
import { MeasuredProcess, usageOf } from './measured-process.ts'
import { median } from './run-result.ts'
import { quantile, scrapeTimes } from './server-times.ts'
import { readTicks, stolenSince } from './stolen-time.ts'

/** Ours answers after the brokers have an event, or after its spool has it. */
export type ServerName = 'brokers' | 'spool' | 'bare'
type OwnName = Exclude<ServerName, 'bare'>
export type Load = Omit<LoadTask, 'port' | 'run' | 'connections' | 'settleSeconds'>

export interface Measured {
  readonly server: ServerName
  /** For people. */
  readonly load: string
  readonly tool: string
  readonly eventsPerSecond: number
  /** Requests. */
  readonly failed: number
  /** Not a number for a server that does not measure itself. */
  readonly serverP50: number
  readonly serverP99: number
  readonly outsideP50: number
  readonly outsideP99: number
  readonly cpuMicros: number
  /** What sends took of one core. */
  readonly senderCores: number
  /** Per cent of the machine's time that its host gave to others. */
  readonly stolen: number
}

interface Server {
  readonly process: MeasuredProcess
  readonly port: number
  readonly url: string
  readonly pid: number
}

const owns = ['brokers', 'spool'] as const
/** At 10,000 requests/s of some ms each, 64 would be busy all the time, and the sender would measure its own queue. */
const CONNECTIONS = 256
/** A process that sends compiles its code first, and its answers wait for that. */
const SETTLE_SECONDS = 5
/**
 * From the start of that process until the server's histogram is read for the first time: within those seconds, since
 * whoever reads takes processor time from both.
 */
const SCRAPED_MS = 3_000
const DRAINED_MS_MAX = 60_000
const SAMPLE_MS = 1_000

/** Our collector, in both ways, and a bare server, each in a process of its own, and the runs that they are asked to bear. */
export class CollectBench {
  /** Of each run against one of ours, the events answered 200. */
  readonly accepted = new Map<string, EventSet>()
  readonly #servers: Readonly<Record<ServerName, Server>>

  private constructor(servers: Readonly<Record<ServerName, Server>>) {
    this.#servers = servers
  }

  static async start(brokers: string, folder: string, topic: string): Promise<CollectBench> {
    const server = (args: string[]) =>
      new MeasuredProcess(process.execPath, args, { sampleMs: SAMPLE_MS })
    const ours = (answerAfter: OwnName) =>
      server([
        ...[ownPath('../bin/millrace.js'), 'collect', '--brokers', brokers, '--topic', topic],
        ...['--create-topics', '--port', '0', '--data', folder, '--instance', answerAfter],
        ...['--answer-after', answerAfter],
      ])
    const processes = {
      brokers: ours('brokers'),
      spool: ours('spool'),
      bare: server(programArgs('./bare-server.ts')),
    }
    try {
      return new CollectBench({
        brokers: await started(processes.brokers),
        spool: await started(processes.spool),
        bare: await started(processes.bare),
      })
    } catch (error) {
      for (const each of Object.values(processes)) each.kill()
      throw error
    }
  }

  /** Node and the broker are slower in their first seconds than ever after. */
  async warmUp(seconds: number): Promise<void> {
    for (const server of ['bare', ...owns] as const)
      for (const eventsPerRequest of [1, 100])
        await this.#send(server, { tool: 'autocannon', eventsPerRequest, seconds })
  }

  async measure(server: ServerName, load: Load): Promise<Measured> {
    const { pid, url } = this.#servers[server]
    const route = load.eventsPerRequest === 1 ? '/v1/track' : '/v1/batch'
    const times = () => (server === 'bare' ? new Map() : scrapeTimes(url, route))
    await this.settled()
    const ticksBefore = readTicks()
    const cpuBefore = usageOf(pid)?.cpuSeconds ?? Number.NaN
    const [before, { result, accepted }] = await Promise.all([
      systemClock.sleep(SCRAPED_MS).then(times),
      this.#send(server, load),
    ])
    const cpuSeconds = (usageOf(pid)?.cpuSeconds ?? Number.NaN) - cpuBefore
    const after = await times()
    const events = (result.requests - result.failed) * load.eventsPerRequest
    return {
      ...{ server, load: nameOf(load), tool: load.tool, failed: result.failed },
      eventsPerSecond: Math.round(events / result.seconds),
      serverP50: quantile(before, after, 0.5),
      serverP99: quantile(before, after, 0.99),
      outsideP50: result.p50,
      outsideP99: result.p99,
      cpuMicros: (cpuSeconds * 1e6) / accepted.size,
      senderCores: result.cores,
      stolen: stolenSince(ticksBefore),
    }
  }

  /** Resident MB of our server under a load: the median of each fifth of its time. */
  async memoryOver(load: Load): Promise<number[]> {
    const sizes: number[] = []
    const stop = systemClock.every(
      200,
      () => void sizes.push(residentMb(this.#servers.brokers.pid)),
    )
    try {
      await this.#send('brokers', load)
    } finally {
      stop()
    }
    const length = sizes.length / 5
    return Array.from({ length: 5 }, (_, at) => median(sizes.slice(at * length, (at + 1) * length)))
  }

  /** Resolves when all that was answered is on the topic. */
  async settled(): Promise<void> {
    for (const own of owns) await spoolDrained(this.#servers[own].url)
  }

  async close(): Promise<void> {
    for (const { process } of Object.values(this.#servers)) await process.end()
  }

  async #send(server: ServerName, load: Load) {
    await this.settled()
    const run = `${server}-${this.accepted.size}`
    const { port } = this.#servers[server]
    const own = { run, port, connections: CONNECTIONS, settleSeconds: SETTLE_SECONDS }
    const task: LoadTask = { ...load, ...own }
    const result = await runTask<LoadResult>('./collect-load.ts', task)
    const accepted = new EventSet(Buffer.from(result.accepted, 'base64'))
    if (server !== 'bare') this.accepted.set(run, accepted)
    return { result, accepted }
  }
}

/** What a run before has left in the spool would cost the next one. */
async function spoolDrained(url: string): Promise<void> {
  const deadline = systemClock.elapsed() + DRAINED_MS_MAX
  while (systemClock.elapsed() < deadline) {
    const text = await (await fetch(`${url}/metrics`)).text()
    if (/^millrace_collect_spool_records 0$/m.test(text)) return
    await systemClock.sleep(100)
  }
  throw new Error(`the spool was not drained within ${DRAINED_MS_MAX} ms`)
}

/** With the process that listens, which is whom the processor's time is asked of. */
async function started(server: MeasuredProcess): Promise<Server> {
  const { url, port } = await listening(server)
  const pid = processListeningOn(`127.0.0.1:${port}`)
  if (pid === undefined) throw new Error(`the process that listens on ${url} is not found`)
  return { process: server, url, port, pid }
}

function residentMb(pid: number): number {
  const status = readFileSync(`/proc/${pid}/status`, 'latin1')
  return Math.round(Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1]) / 1_024)
}

function nameOf({ eventsPerRequest, requestsPerSecond }: Load): string {
  const rate = requestsPerSecond === undefined ? 'as many as can be' : requestsPerSecond
  return eventsPerRequest === 1 ? `${rate}, single` : `${rate}, of ${eventsPerRequest}`
}
