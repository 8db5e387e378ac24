import { randomBytes } from 'node:crypto'
import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { createServer, type Server, type Socket } from 'node:net'
import { join } from 'node:path'
import { type Clock, systemClock } from '../runtime/clock.ts'
import { lockFolder } from '../runtime/folder-lock.ts'
import type { BrokerParts } from './api.ts'
import { BrokerError } from './broker-error.ts'
import { CommittedOffsets } from './committed-offsets.ts'
import { serveConnection } from './connection.ts'
import { Groups } from './groups.ts'
import type { BrokerLog } from './log.ts'
import { startMaintenance } from './maintenance.ts'
import { MemoryBudget } from './memory-budget.ts'
import type { ConfigOverrides } from './topic-config.ts'
import { Topics } from './topics.ts'
import { Transactions } from './transactions.ts'

export { BrokerError } from './broker-error.ts'
export type { BrokerLine, BrokerLog } from './log.ts'

export interface BrokerOptions {
  /** Of the data; made when it is not there, and locked. */
  readonly folder: string
  /** 127.0.0.1 when left out. There is no authentication: other hosts are for closed networks. */
  readonly host?: string
  /** 0, the default, for any free one. */
  readonly port?: number
  /** Where clients are told to connect, when it is not `host`. */
  readonly advertisedHost?: string
  readonly clock?: Clock
  readonly log?: BrokerLog
  /** What topics do not set for themselves, under Kafka's names of topic configurations. */
  readonly topicDefaults?: ConfigOverrides
  readonly intervals?: Partial<MaintenanceIntervals>
}

/** How often, in ms, the broker looks for work of its own. */
export interface MaintenanceIntervals {
  /** Open transactions past their time-out. */
  readonly transactionsMs: number
  /** Segments that are too old or too many, offsets and producers nobody uses. */
  readonly retentionMs: number
  readonly compactionMs: number
}

export interface BrokerHealth {
  readonly topics: number
  readonly partitions: number
  readonly connections: number
  /** Of all logs, on disk. */
  readonly bytes: number
}

export interface Broker {
  readonly host: string
  readonly port: number
  /** host:port, for clients. */
  readonly address: string
  health(): BrokerHealth
  /** Ends all connections, syncs all files and lets go of the folder. */
  close(): Promise<void>
}

const CONNECTIONS_MAX = 2000
/** For requests larger than 1 MB, of all clients together. */
const REQUEST_MEMORY_BYTES = 256 * 1024 * 1024
/** For records on their way to all clients together; when it is taken, answers get small. */
const ANSWER_MEMORY_BYTES = 128 * 1024 * 1024
const INTERVALS: MaintenanceIntervals = {
  transactionsMs: 1000,
  retentionMs: 30_000,
  compactionMs: 15_000,
}

/** Keeps other brokers out of the folder until the answer is called. Rejects with a `FolderLocked`. */
export function lockBrokerFolder(folder: string, now: number): Promise<() => Promise<void>> {
  return lockFolder(folder, now, { whose: "the broker's", remedy: 'give another folder' })
}

/**
 * Starts the embedded broker: one node that speaks Kafka's protocol and keeps its logs in `folder`, made for
 * development and tests. There is no replication, no authentication and no TLS.
 *
 * What it acknowledges has been written to the operating system, as with Kafka's defaults: it outlives a kill of
 * the process, not a power cut. Files are synced when a segment is full and at `close`.
 *
 * Rejects with an error that says what to do: a `FolderLocked`, or a `BrokerError` where the port is in use.
 */
export async function startBroker(options: BrokerOptions): Promise<Broker> {
  const { folder, host = '127.0.0.1', clock = systemClock, log = () => undefined } = options
  const unlock = await lockBrokerFolder(folder, clock.now())
  const topics = new Topics({ folder, clock, log, defaults: options.topicDefaults ?? {} })
  const offsets = new CommittedOffsets({ folder: join(folder, 'internal', 'offsets'), log })
  const transactions = new Transactions({
    folder: join(folder, 'internal', 'transactions'),
    log,
    now: () => clock.now(),
    mark: ({ topic, partition }, { producerId, epoch }, type) => {
      topics.get(topic)?.partitions[partition]?.appendMarker(producerId, epoch, type)
    },
    release: (producerId, committed) => offsets.release(producerId, committed, clock.now()),
  })
  transactions.resume()
  const groups = new Groups(clock, offsets)
  let port = options.port ?? 0
  const advertised = options.advertisedHost ?? host
  const parts: BrokerParts = {
    clusterId: clusterIdOf(folder),
    address: () => ({ host: advertised, port }),
    clock,
    topics,
    transactions,
    offsets,
    groups,
  }
  const stopMaintenance = startMaintenance(parts, { ...INTERVALS, ...options.intervals }, log)
  const sockets = new Set<Socket>()
  const budget = new MemoryBudget(REQUEST_MEMORY_BYTES)
  const answers = new MemoryBudget(ANSWER_MEMORY_BYTES)
  const server = createServer(socket => {
    sockets.add(socket)
    socket.on('close', () => sockets.delete(socket))
    serveConnection(socket, { broker: parts, budget, answers, log })
  })
  server.maxConnections = CONNECTIONS_MAX

  const closeParts = async () => {
    await stopMaintenance()
    groups.close()
    await topics.close()
    offsets.close()
    transactions.close()
    await unlock()
  }
  try {
    port = await listen(server, host, port)
  } catch (error) {
    await closeParts()
    throw error
  }
  log({
    level: 'info',
    message: `the embedded broker (for development) listens on ${advertised}:${port}`,
  })

  let closing: Promise<void> | undefined
  return {
    host: advertised,
    port,
    address: `${advertised}:${port}`,
    health() {
      const partitions = [...topics.list()].flatMap(topic => topic.partitions)
      const bytes = partitions.reduce((sum, partition) => sum + partition.byteLength, 0)
      return {
        topics: [...topics.list()].length,
        partitions: partitions.length,
        connections: sockets.size,
        bytes,
      }
    },
    close() {
      closing ??= (async () => {
        const closed = new Promise(resolve => server.close(resolve))
        for (const socket of sockets) socket.destroy()
        await closed
        await closeParts()
      })()
      return closing
    },
  }
}

function listen(server: Server, host: string, port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'EADDRINUSE') {
        const message = `port ${port} of ${host} is in use: stop what listens there, or give another port`
        return reject(new BrokerError('port-in-use', message, error))
      }
      reject(
        new BrokerError(
          'host-refused',
          `cannot listen on ${host}:${port}: ${error.message}`,
          error,
        ),
      )
    })
    server.listen(port, host, () => {
      const address = server.address()
      resolve(typeof address === 'object' && address !== null ? address.port : port)
    })
  })
}

/** Made once for a folder, so that clients see that it is the same cluster. */
function clusterIdOf(folder: string): string {
  const path = join(folder, 'cluster-id')
  try {
    return readFileSync(path, 'utf8')
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'ENOENT')) throw error
  }
  mkdirSync(folder, { recursive: true })
  const id = randomBytes(16).toString('base64url')
  writeFileSync(`${path}.new`, id)
  renameSync(`${path}.new`, path)
  return id
}
