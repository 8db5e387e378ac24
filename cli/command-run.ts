import { join } from 'node:path'
import { type Command, Option } from 'commander'
import type { Http, HttpOptions } from '../http/server.ts'
import type { LaneThreads } from '../runtime/lane-thread.ts'
import type { Mode } from '../runtime/task-options.ts'
import type { Telemetry } from '../runtime/telemetry.ts'
import { type CommandContext, stopped } from './context.ts'
import {
  addBrokerFlags,
  addDataFlags,
  addListenFlags,
  addTopicFlags,
  type BrokerFlags,
  type DataFlags,
  flag,
  type ListenFlags,
  parseCollector,
  wholeNumber,
} from './flags.ts'
import { addRegistryFlags, type RegistryFlags, registryOptions } from './schema-registry.ts'

const CACHE_KEYS_MAX = 200_000
const CACHE_MB_MAX = 256

interface RunFlags extends BrokerFlags, ListenFlags, DataFlags, RegistryFlags {
  readonly lanes: number
  readonly mode: Mode
  readonly era: number
  readonly acceptLoss: boolean
  readonly createInput: boolean
  readonly partitions: number
  readonly replication: number
  readonly cacheKeys: number
  readonly cacheMb: number
  readonly laneHeapMb: number
  readonly sessionMs: number
  readonly hangMs: number
  readonly traceOtlp?: string
  readonly traceEvery: number
}

/** `millrace run <job>`: keeps a job's features. */
export function registerRun(program: Command, context: CommandContext): void {
  const command = program
    .command('run')
    .description("keep a job's features: events in, feature rows out, exactly once")
    .argument('<job>', 'name of a file in jobs/, or a path to one')
    .addOption(flag('--lanes <n>', 'worker threads').default(2).argParser(wholeNumber(1, 64)))
    .addOption(
      new Option('--mode <mode>', 'what a crash may do to the outputs')
        .choices(['exactly-once', 'at-least-once'])
        .default('exactly-once')
        .env('MILLRACE_MODE'),
    )
    .addOption(flag('--create-input', 'make the input topic if it is missing').default(false))
    .addOption(
      flag('--era <n>', 'raise it by one when the input topic was made anew')
        .default(0)
        .argParser(wholeNumber(0, 500)),
    )
    .addOption(
      flag('--accept-loss', 'go on although records that were not taken are gone').default(false),
    )
    .addOption(
      flag('--cache-keys <n>', 'users whose states are objects in memory')
        .default(CACHE_KEYS_MAX)
        .argParser(wholeNumber(1_000, 100_000_000)),
    )
    .addOption(
      flag('--cache-mb <n>', 'memory for the packed states of more users; the rest are on the disk')
        .default(CACHE_MB_MAX)
        .argParser(wholeNumber(0, 16_384)),
    )
    .addOption(
      flag('--lane-heap-mb <n>', 'the most heap of one worker thread')
        .default(2_048)
        .argParser(wholeNumber(64, 65_536)),
    )
    .addOption(
      flag('--session-ms <n>', 'the group takes a silent process for dead after so long')
        .default(30_000)
        .argParser(wholeNumber(6_000, 300_000)),
    )
    .addOption(
      flag('--hang-ms <n>', 'a worker thread that stands still for so long is ended')
        .default(20_000)
        .argParser(wholeNumber(1_000, 300_000)),
    )
  command
    .addOption(
      flag(
        '--trace-otlp <url>',
        'follow some events from record to row, and send the traces to this OTLP collector (HTTP)',
      ).argParser(parseCollector),
    )
    .addOption(
      flag('--trace-every <n>', 'follow one event in so many, and all with a sampled traceparent')
        .default(1_000)
        .argParser(wholeNumber(0, 1_000_000_000)),
    )
  addTopicFlags(command)
  addListenFlags(command, 8082)
  addBrokerFlags(command)
  addRegistryFlags(command)
  addDataFlags(command).action((job: string, flags: RunFlags) => runCommand(job, flags, context))
}

async function runCommand(name: string, flags: RunFlags, context: CommandContext): Promise<void> {
  const { LaneThreads } = await import('../runtime/lane-thread.ts')
  const threads = new LaneThreads(flags.lanes, flags.laneHeapMb) // they load their code while this thread loads its own
  try {
    await runJob(name, flags, context, threads)
  } finally {
    await threads.close()
  }
}

async function runJob(
  name: string,
  flags: RunFlags,
  { signal, clock, logger, print }: CommandContext,
  threads: LaneThreads,
): Promise<void> {
  const [{ findJobModule }, { importJob }, { kafkaOptions }, { startJobProcess }] =
    await Promise.all([
      import('./job-module.ts'),
      import('../runtime/job-module.ts'),
      import('./connection.ts'),
      import('../runtime/process.ts'),
    ])
  const jobUrl = await findJobModule(name, process.cwd())
  const job = await importJob(jobUrl)
  const service = `millrace-${job.name}`
  const kafka = kafkaOptions(flags, service, clock, logger)
  const traces = await openTraces(flags, service)
  const telemetry = once(() => loadTelemetry(service))
  const fault = new AbortController()
  let running: Awaited<ReturnType<typeof startJobProcess>> | undefined
  const http = openProbes(flags, {
    health: async () => ({ alive: !fault.signal.aborted }),
    ready: async () => {
      const reasons = running?.notReady() ?? ['starting']
      return { ready: reasons.length === 0, reasons }
    },
    metrics: async () => (await telemetry.get()).scrape(),
  })
  try {
    const starting = startJobProcess({
      ...flags,
      jobUrl,
      kafka,
      threads,
      schemaRegistry: registryOptions(flags),
      folder: join(flags.data, 'run', job.name, flags.instance),
      createInput: flags.createInput ? flags.partitions : undefined,
      cacheKeysMax: flags.cacheKeys,
      cacheBytesMax: flags.cacheMb * 1024 * 1024,
      heapMbMax: flags.laneHeapMb,
      hangMsMax: flags.hangMs,
      logger,
      telemetry: telemetry.get,
      traces: traces && { every: flags.traceEvery, send: spans => traces.send(spans) },
      signal,
      joinAfter: http.then(({ url }) => print(`${url}/metrics`)),
      onFatal: error => fault.abort(error),
    })
    running = await starting
    await stopped(AbortSignal.any([signal, fault.signal]))
    await running.stop()
  } catch (error) {
    if (running || !signal.aborted) throw error // stopped while it was starting: nothing went wrong
  } finally {
    await http.then(
      opened => opened.close(),
      () => undefined, // then it was told that the process did not start
    )
    await traces?.close()
    await telemetry.got?.then(opened => opened.close())
  }
  fault.signal.throwIfAborted()
}

/** Not before the brokers are asked for what else the start needs: it takes a tenth of a second to load. */
async function openProbes(
  { host, port }: RunFlags,
  probes: Pick<HttpOptions, 'health' | 'ready' | 'metrics'>,
): Promise<Http> {
  const { openHttp } = await import('../http/server.ts')
  return openHttp({ host, port, ...probes })
}

async function loadTelemetry(service: string): Promise<Telemetry> {
  const { openTelemetry } = await import('../runtime/telemetry.ts')
  return openTelemetry({ service })
}

/** `get` makes the value when it is first asked for; `got` is `undefined` until then. */
function once<Value>(make: () => Value): { get: () => Value; readonly got: Value | undefined } {
  let got: Value | undefined
  return {
    get: () => (got ??= make()),
    get got() {
      return got
    },
  }
}

async function openTraces({ traceOtlp: url }: RunFlags, service: string) {
  if (url === undefined) return undefined
  const { openTraceExport } = await import('../runtime/trace-export.ts')
  return openTraceExport({ service, url })
}
