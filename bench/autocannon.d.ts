/** The parts in use of a package that brings no types: https://github.com/mcollina/autocannon */
declare module 'autocannon' {
  interface Request {
    method: string
    path: string
    headers: Record<string, string>
    body?: string
  }
  interface Options {
    url: string
    connections: number
    /** Seconds. */
    duration: number
    /** A load before, which the result does not count. */
    warmup?: { connections: number; duration: number }
    overallRate?: number
    requests: {
      method: string
      path: string
      headers: Record<string, string>
      setupRequest(request: Request, context: object): Request
      onResponse(status: number, body: string, context: object): void
    }[]
  }
  interface Result {
    /** Ms. */
    latency: { p50: number; p99: number }
    requests: { total: number }
    /** Seconds. */
    duration: number
    errors: number
    non2xx: number
  }
  export default function autocannon(options: Options): Promise<Result>
}
