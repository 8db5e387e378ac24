/**
 * - `truncated`: the bytes end before what they announce.
 * - `corrupt`: the bytes contradict themselves or their checksum.
 * - `unsupported`: whole, but of a version or kind that is not spoken here.
 * - `too-large`: a bound was hit, before the memory for it was taken.
 */
export type ProtocolErrorCode = 'truncated' | 'corrupt' | 'unsupported' | 'too-large'

/** Bytes of the Kafka protocol that cannot be read or written. */
export class ProtocolError extends Error {
  override readonly name = 'ProtocolError'
  readonly code: ProtocolErrorCode

  constructor(code: ProtocolErrorCode, message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause })
    this.code = code
  }
}
