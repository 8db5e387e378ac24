import { createHash } from 'node:crypto'
import type { Clock } from '../runtime/clock.ts'
import type { CollectClient } from './collect-client.ts'
import { Caller, type IncomingAnswer, OutgoingError } from './outgoing-request.ts'
import {
  BadPage,
  type PolledPage,
  type PollPosition,
  pageRequest,
  readPage,
} from './poller-page.ts'
import type { PollSource } from './poller-source.ts'
import { readPosition, writePosition } from './position-file.ts'
import { isPassing, retryAfterMs } from './retry-after.ts'
import { inBatches } from './row-batches.ts'

export interface PollerOptions {
  readonly source: PollSource
  /** Headers that log in at the source; asked before each request, since a token may have been renewed. */
  readonly login: () => Promise<Readonly<Record<string, string>>>
  readonly client: Pick<CollectClient, 'send'>
  /** Where the position is kept; nobody else may write it meanwhile. */
  readonly positionPath: string
  readonly clock: Clock
  /** Ends it after the page under way. */
  readonly signal: AbortSignal
  readonly onTrouble: (reason: string, waitMs: number) => void
  readonly onPage: (page: PageReport) => void
}

export interface PageReport {
  readonly accepted: number
  readonly rejected: number
  /** What is wrong with the first that was rejected. */
  readonly fault: string | undefined
}

/**
 * - `source_refused`: asking again will not help: a wrong login, a wrong address, a page that is not as defined.
 * - `source_away`: a page did not come at all, however often it was asked for.
 */
export type PollErrorCode = 'source_refused' | 'source_away'

export class PollError extends Error {
  override readonly name = 'PollError'
  readonly code: PollErrorCode

  constructor(code: PollErrorCode, message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause })
    this.code = code
  }
}

const TRIES_MAX = 8
const WAIT_MS_MIN = 1_000
const WAIT_MS_MAX = 60_000
const RETRY_AFTER_MS_MAX = 15 * 60_000
const PAGES_MAX = 100_000
const PAGE_BYTES_MAX = 8 * 1024 * 1024
const TIMEOUT_SECONDS = 30
const EVERY_SECONDS = 300

/**
 * Polls until the signal aborts. A source that is away is asked again at the next interval; one that refuses
 * ends it with a `PollError`.
 */
export async function poll(options: PollerOptions): Promise<void> {
  const { source, clock, signal, onTrouble } = options
  const everyMs = (source.everySeconds ?? EVERY_SECONDS) * 1_000
  while (!signal.aborted) {
    try {
      await pollOnce(options)
    } catch (error) {
      if (!(error instanceof PollError) || error.code !== 'source_away') throw error
      onTrouble(error.message, everyMs)
    }
    await clock.sleep(everyMs, signal)
  }
}

/**
 * One pass: from where the position is, page by page, until the source has no more. The position moves past a page
 * once collect has taken all of it; a pass that dies goes on there, and its page comes again with the same ids.
 */
export async function pollOnce(options: PollerOptions): Promise<void> {
  const { source, positionPath, signal } = options
  const caller = new Caller({
    timeoutMs: (source.timeoutSeconds ?? TIMEOUT_SECONDS) * 1_000,
    bytesMax: source.pageBytesMax ?? PAGE_BYTES_MAX,
    privateAllowed: source.privateHosts ?? false,
  })
  try {
    const asked = digestOf(source)
    let position = positionOf(await readPosition(positionPath), asked)
    for (let pages = 0; !signal.aborted; pages++) {
      if (pages >= PAGES_MAX)
        throw new PollError(
          'source_refused',
          `${source.name}: ${PAGES_MAX} pages and no end: does "cursor" fit this source?`,
        )
      const page = await nextPage(options, caller, position)
      if (page === undefined) return
      options.onPage(await send(options, page))
      position = page.next
      await writePosition(positionPath, { ...position, asked })
      if (page.isLast) return
    }
  } finally {
    caller.close()
  }
}

/** `undefined`: the signal came first. */
async function nextPage(
  { source, login, clock, signal, onTrouble }: PollerOptions,
  caller: Caller,
  position: PollPosition,
): Promise<PolledPage | undefined> {
  for (let tries = 1, backoffMs = WAIT_MS_MIN; ; tries++) {
    let reason: string
    let waitMs = backoffMs
    try {
      const request = pageRequest(source, position)
      const headers = { ...request.headers, ...(await login()) }
      const answer = await caller.call({ ...request, headers }, signal)
      if (answer.status === 200) return readPage(source, position, answer)
      if (!isPassing(answer.status)) throw refused(source, answer)
      reason = `${source.name} answered ${answer.status}`
      const asked = retryAfterMs(answer.headers.get('retry-after'), clock.now()) ?? 0
      waitMs = Math.max(waitMs, Math.min(asked, RETRY_AFTER_MS_MAX))
    } catch (error) {
      if (signal.aborted) return undefined
      if (error instanceof BadPage) {
        throw new PollError('source_refused', `${source.name}: ${error.message}`, error)
      }
      if (!(error instanceof OutgoingError)) throw error
      if (error.code !== 'no_answer')
        throw new PollError('source_refused', `${source.name}: ${error.message}`, error)
      reason = `${source.name}: ${error.message}`
    }
    if (tries >= TRIES_MAX)
      throw new PollError('source_away', `${reason}, and so it was ${TRIES_MAX} times`)
    onTrouble(reason, waitMs)
    await clock.sleep(waitMs, signal)
    if (signal.aborted) return undefined
    backoffMs = Math.min(backoffMs * 2, WAIT_MS_MAX)
  }
}

async function send({ client }: PollerOptions, { events }: PolledPage): Promise<PageReport> {
  let accepted = 0
  let rejected = 0
  let fault: string | undefined
  for (const { body } of inBatches(events, 'events')) {
    const taken = await client.send('/v1/events', body)
    accepted += taken.accepted
    rejected += taken.rejected.length
    const [first] = taken.rejected
    fault ??= first && `${first.path} ${first.reason}`.trim()
  }
  return { accepted, rejected, fault }
}

function refused(source: PollSource, { status, headers }: IncomingAnswer): PollError {
  const what =
    status >= 300 && status < 400
      ? `it leads elsewhere (${headers.has('location') ? 'a redirect' : 'no address'}), and redirects are not followed: give the final URL`
      : status === 401 || status === 403
        ? 'is "auth" right, and may it read this?'
        : 'is "url" right?'
  return new PollError('source_refused', `${source.name} answered ${status}: ${what}`)
}

/** A cursor means something only to the question that it was an answer to; what was newest always does. */
function positionOf(kept: unknown, asked: string): PollPosition {
  if (typeof kept !== 'object' || kept === null) return {}
  const isSame = 'asked' in kept && kept.asked === asked
  const members = Object.entries(kept).filter(
    ([name, value]) =>
      (isSame ? ['cursor', 'since', 'newest'] : ['since']).includes(name) &&
      (typeof value === 'string' || typeof value === 'number'),
  )
  return Object.fromEntries(members)
}

/** Of what a cursor depends on. */
function digestOf({ url, body, items, cursor }: PollSource): string {
  const question = JSON.stringify([url, body, items, cursor])
  return createHash('sha256').update(question).digest('base64url').slice(0, 16)
}
