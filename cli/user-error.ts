/**
 * A fault that the person at the terminal can mend. The message says in one line what was expected, what was
 * found and what to do; the program prints it without a stack and ends with exit code 1.
 */
export class UserError extends Error {
  override readonly name = 'UserError'
  /** Stable, snake_case. */
  readonly code: string

  constructor(code: string, message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause })
    this.code = code
  }
}
