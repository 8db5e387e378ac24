export const kinds = ['features', 'block', 'amp', 'recommendations'] as const
export type Kind = (typeof kinds)[number]

/** What one process of `bench/serve.ts` asks, as JSON in its first argument. */
export interface ServeTask {
  readonly port: number
  /** Of the server. */
  readonly pid: number
  readonly tool: 'paced' | 'autocannon'
  readonly kind: Kind
  /** Asked for by Zipf's law, the first of them most often. */
  readonly users: number
  /** Of the draws: each run asks for the same few most, and for others of the many. */
  readonly seed: number
  readonly requestsPerSecond?: number
  readonly seconds: number
  /** The same before that, uncounted: both sides compile what they do often while they do it. */
  readonly warmUpSeconds: number
  /** Signs the tokens of AMP. */
  readonly signingFile: string
}

/** Times are ms, as the asker sees them. */
export interface ServeResult {
  readonly requests: number
  readonly failed: number
  readonly seconds: number
  readonly p50: number
  readonly p99: number
  /** By the server's own histogram, ms; undefined for one that has none. */
  readonly server: { readonly p50: number; readonly p99: number } | undefined
  /** Processor time of the server, all its threads, and of who asks, for one request, µs. */
  readonly serverCpuMicros: number
  readonly askerCpuMicros: number
  /** Of the time, how much the server's main thread waited for a processor: others ran. */
  readonly waitedShare: number
  /** Of all processors' time, how much the machine below this one took. */
  readonly stolenShare: number
}
