import { type ErrorCode, errorCodes } from '../protocol/error-codes.ts'
import type { Reader } from '../protocol/reader.ts'
import type { Writer } from '../protocol/writer.ts'
import type { Clock } from '../runtime/clock.ts'
import type { CommittedOffsets } from './committed-offsets.ts'
import type { Groups } from './groups.ts'
import { KafkaError } from './kafka-error.ts'
import type { Topics } from './topics.ts'
import type { Transactions } from './transactions.ts'

/** What the answers to requests are made from. */
export interface BrokerParts {
  readonly clusterId: string
  /** Where clients are told to connect. */
  readonly address: () => { readonly host: string; readonly port: number }
  readonly clock: Clock
  readonly topics: Topics
  readonly transactions: Transactions
  readonly offsets: CommittedOffsets
  readonly groups: Groups
}

/** Memory for answers, of all clients together. */
export interface AnswerMemory {
  /** What may be held for an answer now. */
  readonly left: number
  /** Holds so much until the client has taken the answer, or is gone. */
  hold(bytes: number): void
}

export interface Request {
  readonly version: number
  /** Stands at the body. */
  readonly reader: Reader
  readonly clientId: string
  readonly host: string
  /** Aborted when the client has gone. */
  readonly gone: AbortSignal
  readonly memory: AnswerMemory
}

/** The body, in one or several pieces; undefined where the client asked for no answer. */
export type Answer = Writer | readonly Uint8Array[] | undefined

/** One kind of request, in the versions that are spoken. */
export interface Api {
  readonly key: number
  readonly min: number
  readonly max: number
  /** What ApiVersions says, where that is not `min`. */
  readonly advertisedMin?: number
  answer(request: Request, broker: BrokerParts): Answer | Promise<Answer>
}

export const NODE_ID = 1

/** Runs it and tells the error to answer: that of a `KafkaError`; anything else is thrown on. */
export function errorOf(work: () => void): ErrorCode {
  try {
    work()
    return errorCodes.NONE
  } catch (error) {
    return refusal(error).number
  }
}

/** The error as one to answer; rethrows what is none. */
export function refusal(error: unknown): KafkaError {
  if (error instanceof KafkaError) return error
  if (isDiskError(error))
    return new KafkaError('KAFKA_STORAGE_ERROR', `the disk refuses: ${error.message}`)
  throw error
}

function isDiskError(error: unknown): error is Error {
  return error instanceof Error && 'code' in error && 'syscall' in error
}
