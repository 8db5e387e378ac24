import type { Clock } from '../runtime/clock.ts'
import { Caller, OutgoingError } from './outgoing-request.ts'
import { isPassing, retryAfterMs } from './retry-after.ts'

export interface CollectClientOptions {
  /** Where collect listens, such as `http://127.0.0.1:8081`. */
  readonly url: string
  readonly writeKey: string
  readonly clock: Clock
  /** Ends the waiting. */
  readonly signal: AbortSignal
  /** How long it tries without success; as long as it takes when left out. */
  readonly giveUpMs?: number
  /** Told before each wait, with what a person should know. */
  readonly onTrouble: (reason: string, waitMs: number) => void
}

/** What collect said of what it was sent. */
export interface TakenRows {
  readonly accepted: number
  readonly rejected: readonly {
    readonly index: number
    readonly path: string
    readonly reason: string
  }[]
}

/**
 * - `collect_refused`: it will never take it: a wrong key, a wrong address.
 * - `collect_away`: it did not take it for as long as was waited.
 * - `interrupted`: the signal.
 */
export type CollectErrorCode = 'collect_refused' | 'collect_away' | 'interrupted'

export class CollectError extends Error {
  override readonly name = 'CollectError'
  readonly code: CollectErrorCode

  constructor(code: CollectErrorCode, message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause })
    this.code = code
  }
}

const TIMEOUT_MS = 30_000
const ANSWER_BYTES_MAX = 4 * 1024 * 1024
const WAIT_MS_MIN = 200
const WAIT_MS_MAX = 10_000
const RETRY_AFTER_MS_MAX = 60_000

/** Sends rows to collect's HTTP and does not let go before they are safe. One send at a time keeps their order. */
export class CollectClient {
  readonly #options: CollectClientOptions
  readonly #caller = new Caller({
    ...{ timeoutMs: TIMEOUT_MS, bytesMax: ANSWER_BYTES_MAX, privateAllowed: true },
  })

  constructor(options: CollectClientOptions) {
    this.#options = options
  }

  /**
   * Resolves once collect has taken the body, which may be sent several times: what is in it must bear that.
   * Rejects with a `CollectError`.
   */
  async send(path: string, body: string): Promise<TakenRows> {
    const { url, clock, signal, giveUpMs = Number.POSITIVE_INFINITY, onTrouble } = this.#options
    const since = clock.elapsed()
    for (let waitMs = WAIT_MS_MIN; ; waitMs = Math.min(waitMs * 2, WAIT_MS_MAX)) {
      const outcome = await this.#try(path, body)
      if (typeof outcome === 'object' && 'accepted' in outcome) return outcome
      if (signal.aborted) throw new CollectError('interrupted', 'stopped while sending')
      const { reason, retryMs = 0 } = outcome
      if (clock.elapsed() - since >= giveUpMs)
        throw new CollectError(
          'collect_away',
          `${url} has taken nothing for ${Math.round(giveUpMs / 1_000)} s (${reason}): see that "millrace collect" runs there, and run this again; it goes on where it was`,
        )
      const patience = Math.max(waitMs, Math.min(retryMs, RETRY_AFTER_MS_MAX))
      onTrouble(reason, patience)
      await clock.sleep(patience, signal)
    }
  }

  close(): void {
    this.#caller.close()
  }

  /** What was taken, or why it is worth trying again. */
  async #try(
    path: string,
    body: string,
  ): Promise<TakenRows | { reason: string; retryMs?: number }> {
    const { url, writeKey, clock, signal } = this.#options
    const headers = { authorization: `Bearer ${writeKey}`, 'content-type': 'application/json' }
    try {
      const target = new URL(url.replace(/\/+$/, '') + path)
      const answer = await this.#caller.call({ method: 'POST', url: target, headers, body }, signal)
      const { status } = answer
      if (isPassing(status)) {
        const retryMs = retryAfterMs(answer.headers.get('retry-after'), clock.now())
        return { reason: `it answered ${status}`, ...(retryMs !== undefined && { retryMs }) }
      }
      return takenOf(status, answer.body, url)
    } catch (error) {
      if (!(error instanceof OutgoingError)) throw error
      return { reason: error.message }
    }
  }
}

/** 422 says that none of the rows was good, which is an answer. */
function takenOf(status: number, body: Buffer, url: string): TakenRows {
  const answer = parsed(body)
  const { accepted, rejected } = answer
  if ((status === 200 || status === 422) && typeof accepted === 'number')
    return { accepted, rejected: Array.isArray(rejected) ? rejected : [] }
  const detail = typeof answer.detail === 'string' ? answer.detail : 'it does not say why'
  const remedy = status === 401 || status === 403 ? '; is --write-key right?' : ''
  throw new CollectError('collect_refused', `${url} answered ${status}: ${detail}${remedy}`)
}

function parsed(body: Buffer): Record<string, unknown> {
  try {
    const answer: unknown = JSON.parse(body.toString('utf8'))
    return typeof answer === 'object' && answer !== null ? (answer as Record<string, unknown>) : {}
  } catch (error) {
    if (error instanceof SyntaxError) return {}
    throw error
  }
}
