import { STATUS_CODES } from 'node:http'

/** Thrown by a route to answer with an error; anything else that is thrown is answered as 500, unexplained. */
export class Problem extends Error {
  override readonly name = 'Problem'
  /** HTTP status, 400 to 599. */
  readonly status: number
  /** Stable, snake_case. */
  readonly code: string
  readonly headers: Readonly<Record<string, string>>

  constructor(
    status: number,
    code: string,
    detail: string,
    headers: Readonly<Record<string, string>> = {},
  ) {
    super(detail)
    this.status = status
    this.code = code
    this.headers = headers
  }
}

export const problemType = 'application/problem+json'

/**
 * The body of an error (RFC 9457). `type` is left out, which means `about:blank`: the status says it all;
 * `code` is our extension, for programs.
 */
export function problemJson(status: number, code: string, detail: string): string {
  return JSON.stringify({ title: STATUS_CODES[status] ?? 'Error', status, code, detail })
}
