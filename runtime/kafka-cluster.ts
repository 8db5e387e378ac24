import kafkajs from 'kafkajs'
import type { Clock } from './clock.ts'
import { deniedReason } from './kafka-denied.ts'
import type { Api, Connection } from './kafka-exchange.ts'
import { wholeAnswers } from './kafka-sockets.ts'
import { withoutIdleTimers } from './kafka-timers.ts'
import { LogDenied, LogError, type LogStatus } from './log.ts'
import { unlessAborted } from './unless-aborted.ts'

/**
 * kafkajs as far as Millrace uses it: connections (TLS, SASL), metadata and coordinators. Its types do not
 * cover its cluster, so the parts in use are described here, once; the version is pinned.
 */
export interface Cluster {
  connect(): Promise<void>
  disconnect(): Promise<void>
  refreshMetadata(): Promise<void>
  addMultipleTargetTopics(topics: string[]): Promise<void>
  findTopicPartitionMetadata(topic: string): { partitionId: number; leader: number }[]
  findBroker(options: { nodeId: string }): Promise<Broker>
  findGroupCoordinator(options: { groupId: string; coordinatorType?: 0 | 1 }): Promise<Broker>
  removeBroker(address: { host: string; port: number }): void
}

export interface Broker {
  readonly connectionPool: {
    readonly host: string
    readonly port: number
    /** Connected. */
    getConnectionByRequest(asked: { request: Api }): Promise<Connection>
  }
  isConnected(): boolean
  disconnect(): Promise<void>
  initProducerId(request: {
    transactionalId: string | null
    transactionTimeout: number
  }): Promise<{ producerId: string; producerEpoch: number }>
  addPartitionsToTxn(
    request: TransactionRequest & { topics: { topic: string; partitions: number[] }[] },
  ): Promise<unknown>
  addOffsetsToTxn(request: TransactionRequest & { groupId: string }): Promise<unknown>
  txnOffsetCommit(
    request: TransactionRequest & {
      groupId: string
      topics: {
        topic: string
        partitions: { partition: number; offset: string; metadata: string }[]
      }[]
    },
  ): Promise<unknown>
  endTxn(request: TransactionRequest & { transactionResult: boolean }): Promise<unknown>
  leaveGroup(request: { groupId: string; memberId: string }): Promise<unknown>
}

interface TransactionRequest {
  transactionalId: string
  producerId: string
  producerEpoch: number
}

export interface KafkaOptions {
  /** `host:port`, separated by commas. */
  readonly brokers: string
  readonly clientId: string
  readonly clock: Clock
  readonly ssl?: kafkajs.KafkaConfig['ssl']
  readonly sasl?: kafkajs.SASLOptions
  readonly onStatus?: (status: LogStatus) => void
}

/** The kafkajs client. It prints nothing: errors reach the caller, and expected retries are no errors. */
export function kafkaClient({ brokers, clientId, ssl, sasl }: KafkaOptions): kafkajs.Kafka {
  withoutIdleTimers()
  return new kafkajs.Kafka({
    brokers: brokers.split(',').map(address => address.trim()),
    clientId,
    connectionTimeout: 5_000,
    requestTimeout: 30_000,
    socketFactory: wholeAnswers,
    logCreator: () => () => undefined,
    retry: { initialRetryTime: 20, maxRetryTime: 500, retries: 3 },
    ...(ssl !== undefined && { ssl }),
    ...(sasl !== undefined && { sasl: { ...sasl } }), // kafkajs adds a function, which could not be sent to a thread
  })
}

/** A cluster of its own connections. kafkajs hands one out only to an assigner of partitions. */
export function openCluster(kafka: kafkajs.Kafka): Cluster {
  let cluster: unknown
  kafka.consumer({
    groupId: 'never-joined',
    allowAutoTopicCreation: false,
    partitionAssigners: [
      options => {
        cluster = options.cluster
        const none = () => Promise.reject(new Error('this consumer never joins'))
        return {
          name: 'none',
          version: 0,
          assign: none,
          protocol: () => ({ name: 'none', metadata: Buffer.alloc(0) }),
        }
      },
    ],
  })
  return cluster as Cluster
}

/** kafkajs waits for each answer before it disconnects; a broker that stands still gives none. */
const disconnectMsMax = 1_000

/** Waits for the disconnecting, but not for long: what is left of it ends with its requests' time. */
export async function untilDisconnected(
  clock: Clock,
  disconnecting: Promise<unknown>,
  msMax = disconnectMsMax,
): Promise<void> {
  const inTime = new AbortController()
  const ended = disconnecting.finally(() => inTime.abort())
  await Promise.race([ended, clock.sleep(msMax, inTime.signal)])
}

/** A kafkajs error, reduced to what decides: Kafka's error code, that the connection failed, or that we are not let in. */
export function kafkaFault(error: unknown): {
  code: number | 'connection' | 'denied' | 'other'
  message: string
  error: unknown
} {
  const root = rootCause(error)
  const denied = deniedReason(root)
  if (denied !== undefined) return { code: 'denied', message: denied, error }
  const message = root instanceof Error ? root.message : String(root)
  if (root instanceof kafkajs.KafkaJSProtocolError) return { code: root.code, message, error }
  const connection =
    root instanceof kafkajs.KafkaJSConnectionError ||
    root instanceof kafkajs.KafkaJSRequestTimeoutError ||
    root instanceof kafkajs.KafkaJSBrokerNotFound ||
    root instanceof kafkajs.KafkaJSMetadataNotLoaded ||
    (root instanceof Error &&
      /^KafkaJS(ConnectionClosed|GroupCoordinatorNotFound|TopicMetadataNotLoaded)/.test(root.name))
  return { code: connection ? 'connection' : 'other', message, error }
}

function rootCause(error: unknown): unknown {
  let root = error
  for (let depth = 0; depth < 5; depth++) {
    const cause =
      root instanceof kafkajs.KafkaJSNumberOfRetriesExceeded ||
      (root instanceof Error && root.cause)
        ? (root as Error).cause
        : undefined
    if (!(cause instanceof Error)) return root
    root = cause
  }
  return root
}

/** A second try after a first failure starts with this wait, and doubles it up to the largest. */
export const backoffMs = (failures: number): number => Math.min(100 * 2 ** failures, 5_000)

/** So often in a row must it be said that we are not let in: once may be a connection that broke in a login. */
export const denialsMax = 3

/**
 * Repeats `attempt` while the broker is unreachable, or answers with one of the codes that pass, with backoff, telling
 * `onStatus` when it goes and comes back. A wrong certificate or login is final: a `LogDenied`. When the signal is
 * aborted it rejects at once.
 */
export async function whileUnreachable<Result>(
  options: Pick<KafkaOptions, 'brokers' | 'clock' | 'onStatus'>,
  signal: AbortSignal,
  attempt: () => Promise<Result>,
  codesThatPass?: ReadonlySet<unknown>,
): Promise<Result> {
  let downSince: number | undefined
  let denials = 0
  for (let failures = 0; ; failures++) {
    try {
      const result = await unlessAborted(signal, attempt())
      if (downSince !== undefined) {
        options.onStatus?.({
          kind: 'reachable',
          brokers: options.brokers,
          downMs: options.clock.elapsed() - downSince,
        })
      }
      return result
    } catch (error) {
      const fault = kafkaFault(error)
      denials = fault.code === 'denied' ? denials + 1 : 0
      if (denials >= denialsMax) throw new LogDenied(fault.message, error)
      const passes = fault.code === 'connection' || codesThatPass?.has(fault.code) === true
      if ((!passes && denials === 0) || signal.aborted) throw error
      if (denials > 0) {
        await options.clock.sleep(backoffMs(denials), signal)
        continue
      }
      downSince ??= options.clock.elapsed()
      const retryMs = backoffMs(failures)
      options.onStatus?.({
        kind: 'unreachable',
        brokers: options.brokers,
        reason: fault.message,
        retryMs,
      })
      await options.clock.sleep(retryMs, signal)
      if (signal.aborted)
        throw new LogError(
          'unreachable',
          `the log was closed while ${options.brokers} did not answer`,
          error,
        )
    }
  }
}
