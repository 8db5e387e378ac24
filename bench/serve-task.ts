export const kinds = ['features', 'block', 'amp', 'recommendations'] as const
export type Kind = (typeof kinds)[number]

/** What one process of `bench/serve.ts` asks, as JSON in its first argument. */
export interface ServeTask {
  readonly port: number
  readonly tool: 'paced' | 'autocannon'
  readonly kind: Kind
  /** Asked for by Zipf's law, the first of them most often. */
  readonly users: number
  /** Of the draws: each run asks for the same few most, and for others of the many. */
  readonly seed: number
  readonly requestsPerSecond?: number
  readonly seconds: number
  /** Signs the tokens of AMP. */
  readonly signingFile: string
}

export interface ServeResult {
  readonly requests: number
  readonly failed: number
  readonly seconds: number
  readonly p50: number
  readonly p99: number
}
