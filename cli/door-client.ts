import type { Clock } from '../runtime/clock.ts'
import { UserError } from './user-error.ts'

export interface DoorClientOptions {
  /** Of the server, `http://127.0.0.1:8081`. */
  readonly url: string
  readonly writeKey: string
  readonly clock: Clock
  /** Ends the waiting for another attempt. The one under way is ended by its answer, so that it is known what came in. */
  readonly signal: AbortSignal
}

/** In one request; well below the 500 KB that one may have. */
const EVENTS_MAX = 200
const WAIT_MS_LEAST = 100
const WAIT_MS_MOST = 5_000
const ATTEMPT_MS_MAX = 15_000

/**
 * Brings events to a collect server as an SDK does: in batches, one after the other, and again with the same message
 * ids where nobody answered, or the answer was to try again. So none is lost, and none counts twice.
 */
export class DoorClient {
  readonly #options: DoorClientOptions
  readonly #headers: Readonly<Record<string, string>>

  constructor(options: DoorClientOptions) {
    this.#options = options
    const authorization = `Basic ${Buffer.from(`${options.writeKey}:`).toString('base64')}`
    this.#headers = { authorization, 'content-type': 'application/json' }
  }

  /** Resolves when all are safe, or after the attempt under way when the signal aborts. Rejects when the server will never take them. */
  async send(events: readonly object[]): Promise<void> {
    for (let first = 0; first < events.length; first += EVENTS_MAX) {
      const batch = events.slice(first, first + EVENTS_MAX)
      await this.#sendOne(JSON.stringify({ batch }))
    }
  }

  async #sendOne(body: string): Promise<void> {
    const { clock, signal } = this.#options
    for (let waitMs = WAIT_MS_LEAST; !signal.aborted; waitMs = Math.min(waitMs * 2, WAIT_MS_MOST)) {
      const told = await this.#attempt(body)
      if (told === 'safe') return
      await clock.sleep(Math.min(told.retryMs ?? waitMs, WAIT_MS_MOST), signal)
    }
  }

  async #attempt(body: string): Promise<'safe' | { readonly retryMs: number | undefined }> {
    const { url } = this.#options
    const signal = AbortSignal.timeout(ATTEMPT_MS_MAX)
    try {
      const answer = await fetch(`${url}/v1/batch`, {
        ...{ method: 'POST', body, headers: this.#headers, signal },
      })
      const text = await answer.text()
      if (answer.ok) return 'safe'
      if (answer.status >= 500 || answer.status === 429 || answer.status === 408) {
        const seconds = Number(answer.headers.get('retry-after') ?? Number.NaN)
        return { retryMs: Number.isFinite(seconds) ? seconds * 1000 : undefined }
      }
      throw new UserError(
        'events_refused',
        `${url} answered ${answer.status} to events: ${text.slice(0, 300)}`,
      )
    } catch (error) {
      if (error instanceof UserError) throw error
      return { retryMs: undefined } // nobody answered
    }
  }
}
