import type { BaseLogger } from 'pino'
import type { Clock } from '../runtime/clock.ts'
import type { Telemetry } from '../runtime/telemetry.ts'
import type { PurgeHook } from './purge-file.ts'
import { segmentTag, userTag } from './surrogate.ts'
import type { TopicView } from './topic-view.ts'

export interface PurgerOptions {
  readonly hook: PurgeHook
  readonly features: Pick<TopicView, 'onChange'>
  readonly clock: Clock
  readonly logger: Pick<BaseLogger, 'info' | 'warn' | 'error'>
  readonly telemetry: Telemetry
}

/** Tags that wait; of more, everything is purged instead of each. */
const WAITING_MAX = 20_000
const GATHER_MS = 1_000
const TRIES_MAX = 6
const TIMEOUT_MS = 10_000

/**
 * Tells a CDN to forget what has changed: the answers about a user whose row changed, and those about a segment that
 * somebody entered or left. What changes within a second is told together. A hook that fails is tried again, six
 * times in about a minute; then everything is to be purged at the next success, since nobody knows what was missed.
 */
export class Purger {
  readonly #options: PurgerOptions
  readonly #stopping = new AbortController()
  readonly #stopListening: () => void
  #waiting = new Set<string>()
  #everything = false
  #running: Promise<void> = Promise.resolve()

  constructor(options: PurgerOptions) {
    this.#options = options
    this.#stopListening = options.features.onChange((user, segments) => {
      if (user === undefined) this.#everything = true
      else this.#add(user, segments)
    })
  }

  start(): void {
    this.#running = this.#run()
  }

  /** Tells what is waiting, once, and ends. */
  async stop(): Promise<void> {
    this.#stopListening()
    this.#stopping.abort()
    await this.#running
  }

  #add(user: string, segments: readonly string[]): void {
    if (this.#everything) return
    if (this.#waiting.size >= WAITING_MAX) {
      this.#everything = true
      this.#waiting.clear()
      return
    }
    this.#waiting.add(userTag(user))
    for (const segment of segments) this.#waiting.add(segmentTag(segment))
  }

  async #run(): Promise<void> {
    const { clock } = this.#options
    const { signal } = this.#stopping
    while (!signal.aborted) {
      await clock.sleep(GATHER_MS, signal)
      await this.#tellAll()
    }
  }

  async #tellAll(): Promise<void> {
    const { hook } = this.#options
    if (this.#everything) {
      this.#everything = false
      this.#waiting.clear()
      if (!(await this.#tell(hook.everything()))) this.#everything = true
      return
    }
    const tags = [...this.#waiting]
    this.#waiting.clear()
    for (let at = 0; at < tags.length; at += hook.tagsMax) {
      if (await this.#tell(hook.tags(tags.slice(at, at + hook.tagsMax)))) continue
      this.#everything = true
      return
    }
  }

  /** Whether the CDN took it. */
  async #tell(request: { url: string; init: RequestInit }): Promise<boolean> {
    const { clock, logger, telemetry } = this.#options
    const { signal } = this.#stopping
    for (let attempt = 0; attempt < TRIES_MAX; attempt++) {
      const reason = await tryOnce(request)
      telemetry.add('millrace_purges', 1, { reason: reason === undefined ? 'taken' : 'failed' })
      if (reason === undefined) return true
      if (attempt === 0) logger.warn({ reason }, 'the purge hook failed; it is tried again')
      if (signal.aborted) return false
      await clock.sleep(1_000 * 2 ** attempt, signal)
    }
    logger.error('the purge hook keeps failing: everything is purged once it works again')
    return false
  }
}

async function tryOnce({
  url,
  init,
}: {
  url: string
  init: RequestInit
}): Promise<string | undefined> {
  try {
    const answer = await fetch(url, {
      ...init,
      redirect: 'error',
      signal: AbortSignal.timeout(TIMEOUT_MS),
    })
    await answer.body?.cancel()
    return answer.ok ? undefined : `it was answered ${answer.status}`
  } catch (error) {
    // The message of a failed fetch may have the URL in it, and that a secret.
    return error instanceof Error ? error.name : 'it could not be asked'
  }
}
