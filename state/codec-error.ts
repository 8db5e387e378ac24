/** `unknown_version`: another Millrace wrote it. `corrupt_state`: nobody did. */
export class CodecError extends Error {
  override readonly name = 'CodecError'
  readonly code: 'unknown_version' | 'corrupt_state'

  constructor(code: CodecError['code'], message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause })
    this.code = code
  }
}

/** For bytes that are no encoded state: `expected` and `problem` say what they should be, and why they are not. */
export function corrupt(
  bytes: Uint8Array,
  expected: string,
  problem: string,
  cause?: unknown,
): CodecError {
  return new CodecError(
    'corrupt_state',
    `expected ${expected}; found ${describe(bytes)}${problem}. ` +
      'If it comes from the local store, delete that folder: it is restored from the changelog. ' +
      'If it comes from the changelog, somebody else wrote to that topic.',
    cause,
  )
}

export function describe(bytes: Uint8Array): string {
  const head = Buffer.from(bytes.subarray(0, 12)).toString('hex')
  return bytes.length === 0 ? 'none' : `${bytes.length} bytes beginning ${head}`
}
