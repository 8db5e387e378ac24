import { BrokerError, startBroker } from '../broker/broker.ts'
import { EVENT_BYTES_MAX } from '../collect/event-intake.ts'
import { BATCH_BYTES_MAX } from '../collect/segment-routes.ts'
import { ListenError } from '../http/listen.ts'
import { unprotected } from '../http/protection.ts'
import { openHttp } from '../http/server.ts'
import type { Clock } from '../runtime/clock.ts'
import { openKafkaLog } from '../runtime/kafka-log.ts'
import { outputTopics } from '../runtime/outputs.ts'
import { startJobProcess } from '../runtime/process.ts'
import type { Telemetry } from '../runtime/telemetry.ts'
import { readErased } from './erased-list.ts'
import { fedBefore } from './fed-before.ts'
import { feed } from './feed.ts'
import type { Logger } from './logger.ts'
import { openCollect } from './open-collect.ts'
import { openProtection } from './protection.ts'
import type { StartFolder } from './start-folder.ts'
import { startRecommendations } from './start-recommendations.ts'
import { ampUrl, sendCatalogue, startServing } from './start-serving.ts'
import { UserError } from './user-error.ts'

export interface StartOptions {
  readonly jobUrl: string
  readonly folder: StartFolder
  /** Where the signing keys lie. */
  readonly data: string
  readonly host: string
  readonly ports: Readonly<Record<'broker' | 'job' | 'collect' | 'serve', number>>
  /** A file of events to feed, or `undefined` for the made-up shop. */
  readonly file: string | undefined
  readonly eventsPerSecond: number
  readonly clock: Clock
  readonly logger: Logger
  readonly telemetry: Telemetry
  readonly signal: AbortSignal
  readonly onPhase: (phase: string) => void
  readonly onLink: (label: string, text: string) => void
  /** A line that is too long for the display, to copy. */
  readonly onTell: (line: string) => void
  /** Something cannot go on, and the rest is to be stopped. */
  readonly onFatal: (error: unknown) => void
}

export interface Started {
  /** Why it does not do all of its job now; empty when it does. */
  notReady(): string[]
  /** In the opposite order of starting. */
  stop(): Promise<void>
}

const PARTITIONS = 4
const WRITE_KEY = 'dev'
const SPOOL_BYTES_MAX = 256 * 1_048_576
const LANES = 2
const CACHE_KEYS_MAX = 100_000
const CACHE_BYTES_MAX = 64 * 1024 * 1024
const HEAP_MB_MAX = 1_024
const SESSION_MS = 30_000
const HANG_MS_MAX = 20_000

/**
 * All parts on this machine and in this process: embedded broker, job, sidecar, and what feeds them. Where one of
 * them cannot start, or the signal aborts meanwhile, those that have are stopped again.
 */
export async function startEverything(options: StartOptions): Promise<Started> {
  const {
    folder,
    host,
    ports,
    clock,
    logger,
    telemetry,
    signal,
    onPhase,
    onLink,
    onTell,
    onFatal,
  } = options
  const stops: (() => Promise<unknown>)[] = []
  const stop = async () => {
    for (let last = stops.pop(); last !== undefined; last = stops.pop()) await last()
  }
  try {
    onPhase('starting the broker')
    const broker = await naming('--broker-port', () =>
      startBroker({
        host,
        port: ports.broker,
        folder: folder.broker,
        clock,
        log: ({ level, message }) => logger[level](message),
      }),
    )
    stops.push(() => broker.close())
    const kafka = { brokers: broker.address, clientId: 'millrace-start' }
    const log = openKafkaLog({ ...kafka, clock })
    stops.push(() => log.close())
    onLink('broker', `BROKERS=${broker.address}`)
    signal.throwIfAborted()

    onPhase('starting the job')
    let notReady = () => ['starting']
    const http = await naming('--job-port', () =>
      openHttp({
        ...{ host, port: ports.job, health: async () => ({ alive: true }) },
        ready: async () => ({ ready: notReady().length === 0, reasons: notReady() }),
        metrics: () => telemetry.scrape(),
      }),
    )
    stops.push(() => http.close())
    const job = await startJobProcess({
      ...{ jobUrl: options.jobUrl, kafka, folder: folder.run, lanes: LANES, mode: 'exactly-once' },
      ...{
        era: 0,
        acceptLoss: false,
        createInput: PARTITIONS,
        replication: 1,
        cacheKeysMax: CACHE_KEYS_MAX,
        cacheBytesMax: CACHE_BYTES_MAX,
      },
      ...{
        heapMbMax: HEAP_MB_MAX,
        sessionMs: SESSION_MS,
        hangMsMax: HANG_MS_MAX,
        logger,
        telemetry: async () => telemetry,
        signal,
        onFatal,
      },
      // Old data must not fade to nothing when its file ends.
      idle: options.file === undefined ? undefined : 'hold',
    })
    stops.push(() => job.stop())
    notReady = () => job.notReady()
    onLink('metrics', `${http.url}/metrics`)
    signal.throwIfAborted()

    onPhase('opening the door for events')
    const protection = await openProtection({
      flags: { host, data: options.data, perAddress: 0 },
      ...{ clock, logger },
    })
    stops.push(async () => protection.close())
    const collect = await naming('--collect-port', () =>
      openCollect({
        ...{ log, topic: job.job.input, createTopics: false, partitions: PARTITIONS },
        ...{ replication: 1, folder: folder.collect, spoolBytesMax: SPOOL_BYTES_MAX },
        ...{ host, port: ports.collect, ...protection, protection: unprotected, keepIp: true },
        ...{ eventBytesMax: EVENT_BYTES_MAX, batchBytesMax: BATCH_BYTES_MAX },
        ...{ clock, logger, telemetry, failed: onFatal },
      }),
    )
    stops.push(() => collect.stop())
    onLink('events in', `${collect.url}/v1/track`)
    onLink('', `write key: ${WRITE_KEY}`)
    onTell(`try: ${example(collect.url)}`)
    signal.throwIfAborted()

    onPhase('starting the sidecar')
    const serving = {
      ...{ log, topic: outputTopics(job.job.name).features, input: job.job.input },
      ...{ tokens: protection.tokens, collectUrl: collect.url, writeKey: WRITE_KEY },
    }
    const sidecar = await naming('--port', () => startServing({ ...options, ...serving }))
    stops.push(() => sidecar.stop())
    onLink('page', `${sidecar.url}/`)
    signal.throwIfAborted()
    if (options.file === undefined) {
      await sendCatalogue({ ...options, ...serving }, sidecar, signal)
      onPhase('starting the jobs behind recommendations')
      const jobs = { ...options, brokers: broker.address, partitions: PARTITIONS }
      stops.push(await startRecommendations(jobs))
    }

    const ending = new AbortController()
    const onUser = (user: string) => {
      onLink('one user', `${sidecar.url}/v1/users/${encodeURIComponent(user)}/features`)
      onLink('AMP', ampUrl(protection.tokens, sidecar.url, user, clock.now()))
    }
    const feeding = feed({
      ...{
        log,
        topic: job.job.input,
        file: options.file,
        fedBefore: () => fedBefore(log, job.job.input, signal),
        erased: () => readErased(log, job.job.input, { signal }),
        door: { url: collect.url, writeKey: WRITE_KEY },
        eventsPerSecond: options.eventsPerSecond,
      },
      ...{ clock, logger, signal: ending.signal, onUser },
    }).catch(onFatal)
    stops.push(() => {
      ending.abort()
      return feeding
    })
    return { notReady: () => [...notReady(), ...sidecar.ready().reasons], stop }
  } catch (error) {
    await stop()
    throw error
  }
}

/** What a person can copy to see an event of his own come in. */
function example(url: string): string {
  const event = JSON.stringify({
    userId: 'me',
    event: 'Order Completed',
    properties: { revenue: 9.5 },
  })
  return `curl ${url}/v1/track -u ${WRITE_KEY}: -d '${event}'`
}

/** A port in use is told with the flag of the part that wanted it. */
async function naming<Part>(portFlag: string, start: () => Promise<Part>): Promise<Part> {
  try {
    return await start()
  } catch (error) {
    const inUse =
      (error instanceof BrokerError && error.code === 'port-in-use') ||
      (error instanceof ListenError && error.code === 'port_in_use')
    if (!inUse) throw error
    const [what = error.message] = error.message.split(':', 1)
    throw new UserError(
      'port_in_use',
      `${what}: stop what listens there, or give another ${portFlag} (0 takes any free one)`,
      error,
    )
  }
}
