/**
 * Why the broker cannot start, in words for the person who starts it.
 * - `port-in-use`, `host-refused`: it cannot listen there.
 */
export type BrokerErrorCode = 'port-in-use' | 'host-refused'

export class BrokerError extends Error {
  override readonly name = 'BrokerError'
  readonly code: BrokerErrorCode

  constructor(code: BrokerErrorCode, message: string, cause?: unknown) {
    super(message, { cause })
    this.code = code
  }
}
