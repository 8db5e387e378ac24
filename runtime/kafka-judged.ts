import { errorCodes } from '../protocol/error-codes.ts'
import { kafkaFault } from './kafka-cluster.ts'
import { isUnknown, unknownTopic } from './kafka-unknown.ts'
import { LogError } from './log.ts'

/** Another owner began, or the coordinator ended our transaction for its age: to us it is the same. */
const fencedCodes = new Set<number>([
  errorCodes.INVALID_PRODUCER_EPOCH,
  errorCodes.PRODUCER_FENCED,
  errorCodes.INVALID_PRODUCER_ID_MAPPING,
])

/** What the caller must do about the failed request `name` of a transactional id. */
export function judged(name: string, transactionalId: string, error: unknown): unknown {
  if (error instanceof LogError) return error
  const { code, message } = kafkaFault(error)
  const told = `${name} of ${transactionalId}: ${message}`
  if (typeof code === 'number' && fencedCodes.has(code)) return new LogError('fenced', told, error)
  if (isUnknown(error)) return unknownTopic(`a partition in ${told}`, error)
  if (name === 'initProducerId' && (code === 'connection' || code === 'denied')) return error // nothing depends on it: asked again
  if (
    code === errorCodes.TRANSACTIONAL_ID_AUTHORIZATION_FAILED ||
    code === errorCodes.MESSAGE_TOO_LARGE
  ) {
    return new LogError('refused', told, error)
  }
  return new LogError('ambiguous', told, error)
}
