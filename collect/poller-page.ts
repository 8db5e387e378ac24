import { createHash } from 'node:crypto'
import type { IncomingAnswer, OutgoingRequest } from './outgoing-request.ts'
import type { PollSource, Since } from './poller-source.ts'
import { fill, fillUrl, isTooDeep, type Lookup, valueAt } from './template.ts'

/** How far a source was read. All of it was safe before it was written down. */
export interface PollPosition {
  /** Of the next page; none at the start of a pass. */
  readonly cursor?: string | number
  /** What the present pass asks from. */
  readonly since?: string | number
  /** The newest that the present pass has seen. */
  readonly newest?: string | number
}

export interface PolledPage {
  readonly events: readonly Readonly<Record<string, unknown>>[]
  readonly next: PollPosition
  /** Whether nothing follows for now. */
  readonly isLast: boolean
}

/** A page that is not what the definition says. */
export class BadPage extends Error {
  override readonly name = 'BadPage'
  readonly code = 'bad_page'
}

const itemsMax = 10_000
const cursorCharsMax = 8_192

/** The request for the page at a position, without what logs in. Throws a `BadPage` where it leads to another host. */
export function pageRequest(source: PollSource, position: PollPosition): OutgoingRequest {
  const lookup: Lookup = place =>
    place === 'cursor' ? firstCursor(source, position) : sinceOf(source.since, position.since)
  const byUrl = source.cursor?.by === 'url' || source.cursor?.by === 'link'
  const first = new URL(fillUrl(source.url, lookup))
  const url =
    byUrl && position.cursor !== undefined ? nextUrl(source, first, String(position.cursor)) : first
  const headers = { accept: 'application/json', ...source.headers }
  if (source.body === undefined) return { method: 'GET', url, headers }
  const body = JSON.stringify(fill(source.body, lookup))
  return { method: 'POST', url, headers: { 'content-type': 'application/json', ...headers }, body }
}

/** Reads a page, and says where it goes on. Throws a `BadPage`. */
export function readPage(
  source: PollSource,
  position: PollPosition,
  answer: IncomingAnswer,
): PolledPage {
  const page = parse(answer.body)
  const items = valueAt(page, source.items)
  if (!Array.isArray(items))
    throw new BadPage(
      `"items" is ${JSON.stringify(source.items)}, and no list is there in the page`,
    )
  if (items.length > itemsMax)
    throw new BadPage(
      `the page has ${items.length} items, and may have ${itemsMax}: ask for smaller ones`,
    )
  const newest = items.reduce(
    (found, item) => newer(found, source.since && valueAt(item, source.since.path)),
    position.newest,
  )
  const { cursor, more } = ahead(source, position, page, items, answer)
  const events = items.map(item => eventOf(source, item))
  if (more)
    return {
      ...{ events, isLast: false },
      next: present({ cursor, since: position.since, newest }),
    }
  const kept = keeps(source) ? (cursor ?? position.cursor) : undefined
  return {
    ...{ events, isLast: true },
    next: present({ cursor: kept, since: newest ?? position.since, newest: undefined }),
  }
}

interface Ahead {
  readonly cursor: string | number | undefined
  /** Whether there is something at the cursor now. */
  readonly more: boolean
}

function ahead(
  { cursor }: PollSource,
  position: PollPosition,
  page: unknown,
  items: readonly unknown[],
  answer: IncomingAnswer,
): Ahead {
  const moved = (next: string | number | undefined, more = true) => ({
    cursor: next,
    more: more && next !== undefined && next !== position.cursor,
  })
  const saysMore = (path: string | undefined) => path === undefined || valueAt(page, path) === true
  const some = items.length > 0
  switch (cursor?.by) {
    case 'token':
      return moved(
        checked(valueAt(page, cursor.path)),
        saysMore(cursor.more) && (some || cursor.keep !== true),
      )
    case 'lastItem': {
      const last = checked(valueAt(items.at(-1), cursor.path))
      if (some && last === undefined)
        throw new BadPage(`the page's last item has no text or number at "${cursor.path}"`)
      return moved(last, saysMore(cursor.more))
    }
    case 'url':
      return moved(checked(valueAt(page, cursor.path)))
    case 'link':
      return moved(checked(nextLink(answer.headers.get('link') ?? '')))
    case 'offset':
      return moved(Number(position.cursor ?? 0) + items.length)
    case 'pageNumber':
      return moved(Number(position.cursor ?? cursor.first ?? 1) + 1, some)
    case undefined:
      return moved(undefined)
  }
}

function keeps({ cursor }: PollSource): boolean {
  return (cursor?.by === 'token' || cursor?.by === 'lastItem') && cursor.keep === true
}

/** What goes into the URL where the position has no cursor yet. */
function firstCursor({ cursor }: PollSource, position: PollPosition): string | number | undefined {
  if (position.cursor !== undefined) return position.cursor
  if (cursor?.by === 'offset') return 0
  return cursor?.by === 'pageNumber' ? (cursor.first ?? 1) : undefined
}

/** A page may lead only to where the definition already goes, since it is told our secrets. */
function nextUrl({ hosts = [] }: PollSource, first: URL, next: string): URL {
  if (!URL.canParse(next, first.href)) throw new BadPage('the next page is at what is no URL')
  const url = new URL(next, first.href)
  const isKnown = url.host === first.host || hosts.includes(url.host)
  if (isKnown && url.protocol === first.protocol && url.username === '' && url.password === '')
    return url
  throw new BadPage(
    `the next page is at ${url.protocol}//${url.host}, which is not where the first one is: add the host to "hosts" if it may be asked`,
  )
}

/** RFC 8288. */
function nextLink(header: string): string | undefined {
  for (const [, url, parameters = ''] of header.matchAll(/<([^<>]*)>([^<]*)/g))
    if (/;\s*rel\s*=\s*"?(?:[^";]*\s)?next\b/i.test(parameters)) return url
  return undefined
}

function checked(cursor: unknown): string | number | undefined {
  if (typeof cursor === 'number' && Number.isFinite(cursor)) return cursor
  if (typeof cursor !== 'string' || cursor === '') return undefined
  if (cursor.length <= cursorCharsMax) return cursor
  throw new BadPage(`the cursor has ${cursor.length} characters, and may have ${cursorCharsMax}`)
}

function eventOf(source: PollSource, item: unknown): Readonly<Record<string, unknown>> {
  // Of what is too deep nothing is taken; collect rejects the event for what is missing then.
  const taken = isTooDeep(item) ? null : item
  const event = fill(source.event, path => valueAt(taken, path)) as Record<string, unknown>
  if (event.messageId !== undefined) return event
  const digest = createHash('sha256').update(JSON.stringify(taken)).digest('base64url')
  return { ...event, messageId: `${source.name}:${digest.slice(0, 27)}` }
}

function newer(found: string | number | undefined, value: unknown): string | number | undefined {
  if (typeof value !== 'string' && typeof value !== 'number') return found
  if (found === undefined) return value
  const [before, now] = [timeOf(found), timeOf(value)]
  if (Number.isNaN(before) || Number.isNaN(now))
    return String(value) > String(found) ? value : found
  return now > before ? value : found
}

function sinceOf(since: Since | undefined, value: string | number | undefined) {
  const from = value ?? since?.start
  if (since?.as === undefined || from === undefined) return from
  const ms = timeOf(from) - (since.overlapSeconds ?? 0) * 1_000
  if (Number.isNaN(ms))
    throw new BadPage(`"since.as" is ${since.as}, and what is at "${since.path}" is no time`)
  if (since.as === 'iso') return new Date(ms).toISOString()
  return since.as === 'epochMs' ? ms : Math.floor(ms / 1_000)
}

/** Epoch ms; of numbers those below 10^11 are seconds. */
function timeOf(value: string | number): number {
  const number = typeof value === 'number' ? value : Number(value)
  if (Number.isNaN(number)) return Date.parse(String(value))
  return Math.abs(number) < 1e11 ? number * 1_000 : number
}

function parse(body: Buffer): unknown {
  try {
    return JSON.parse(body.toString('utf8'))
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error
    throw new BadPage(`the page of ${body.length} bytes is not JSON`)
  }
}

/** Without the members that are not there. */
function present(
  members: { [Name in keyof PollPosition]: PollPosition[Name] | undefined },
): PollPosition {
  return Object.fromEntries(Object.entries(members).filter(([, value]) => value !== undefined))
}
