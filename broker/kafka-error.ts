import { type ErrorCode, type ErrorName, errorCodes } from '../protocol/error-codes.ts'

/** A request, or one part of it, that is refused as Kafka refuses it. `code` is the name, `number` what is sent. */
export class KafkaError extends Error {
  override readonly name = 'KafkaError'
  readonly code: ErrorName
  readonly number: ErrorCode

  constructor(code: ErrorName, message: string) {
    super(message)
    this.code = code
    this.number = errorCodes[code]
  }
}
