import { schemaCompiler } from '../jobs/json-schema.ts'
import { placesIn } from './template.ts'

/** A REST source that is asked for its changes again and again: the content of a SOURCE.json. */
export interface PollSource {
  /** Names its folder, and begins its events' message ids: letters, digits, `-` and `_`. */
  readonly name: string
  /** http or https; may hold `{cursor}` and `{since}`. */
  readonly url: string
  /** GET, or POST where there is a `body`. */
  readonly body?: unknown
  readonly headers?: Readonly<Record<string, string>>
  readonly auth?: Auth
  /** Other hosts, `host` or `host:port`, that the URL of a next page may lead to. */
  readonly hosts?: readonly string[]
  /** Whether hosts may be of this machine or a private network. */
  readonly privateHosts?: boolean
  /** Where the page's list is: a path with dots; '' when the page is the list. */
  readonly items: string
  /** Without one there is a single page. */
  readonly cursor?: Cursor
  /** What `{since}` is: the newest of all items of the passes before. */
  readonly since?: Since
  /** From the end of a pass to the next; 300 when left out. */
  readonly everySeconds?: number
  /** A template of the event that an item becomes; places are paths in the item. */
  readonly event: Readonly<Record<string, unknown>>
  readonly pageBytesMax?: number
  readonly timeoutSeconds?: number
}

export type Cursor =
  /** The page says it, at a path; the pass ends where it says none, or the same again. */
  | { readonly by: 'token'; readonly path: string; readonly keep?: boolean; readonly more?: string }
  /** The page says the next page's URL, at a path, or in its `Link` header with rel="next". */
  | { readonly by: 'url'; readonly path: string }
  | { readonly by: 'link' }
  /** A path in the page's last item; the pass ends with a page without items. */
  | {
      readonly by: 'lastItem'
      readonly path: string
      readonly keep?: boolean
      readonly more?: string
    }
  /** How many items, or pages, came before; the pass ends with a page without items. */
  | { readonly by: 'offset' }
  | { readonly by: 'pageNumber'; readonly first?: number }

export interface Since {
  /** In the item. */
  readonly path: string
  /** Of the first pass. */
  readonly start: string | number
  /** How it is put into the URL; as it came when left out. */
  readonly as?: 'iso' | 'epochMs' | 'epochSeconds'
  /** How far to go back behind it, for sources that show a change late; needs `as`. */
  readonly overlapSeconds?: number
}

/** A secret is never in the file itself. */
export type Secret = { readonly env: string } | { readonly file: string }
export type Auth =
  | { readonly bearer: Secret }
  | { readonly basic: { readonly user: Secret | string; readonly password: Secret } }
  | { readonly header: { readonly name: string; readonly value: Secret } }

export class BadPollSource extends Error {
  override readonly name = 'BadPollSource'
  readonly code = 'bad_poll_source'
}

const path = { type: 'string', maxLength: 200 }
const secret = {
  type: 'object',
  minProperties: 1,
  maxProperties: 1,
  properties: { env: { type: 'string', minLength: 1 }, file: { type: 'string', minLength: 1 } },
  additionalProperties: false,
}
const cursorBy = (by: string, required: string[], properties: object = {}) => ({
  if: { properties: { by: { const: by } } },
  // biome-ignore lint/suspicious/noThenProperty: a keyword of JSON Schema
  then: { required, properties: { by: true, ...properties }, additionalProperties: false },
})
const paged = { path, keep: { type: 'boolean' }, more: path }
const schema = {
  type: 'object',
  required: ['name', 'url', 'items', 'event'],
  additionalProperties: false,
  properties: {
    name: { type: 'string', pattern: '^[A-Za-z0-9_-]{1,64}$' },
    url: { type: 'string', pattern: '^https?://[^/@?#{}]+([/?].*)?$', maxLength: 8_192 },
    body: { type: 'object' },
    headers: { type: 'object', maxProperties: 50, additionalProperties: { type: 'string' } },
    auth: {
      type: 'object',
      minProperties: 1,
      maxProperties: 1,
      additionalProperties: false,
      properties: {
        bearer: secret,
        basic: {
          type: 'object',
          required: ['user', 'password'],
          properties: { user: { anyOf: [{ type: 'string' }, secret] }, password: secret },
          additionalProperties: false,
        },
        header: {
          type: 'object',
          required: ['name', 'value'],
          properties: { name: { type: 'string', pattern: '^[A-Za-z0-9-]{1,100}$' }, value: secret },
          additionalProperties: false,
        },
      },
    },
    hosts: { type: 'array', maxItems: 20, items: { type: 'string', pattern: '^[^/@?#]+$' } },
    privateHosts: { type: 'boolean' },
    items: path,
    cursor: {
      type: 'object',
      required: ['by'],
      properties: { by: { enum: ['token', 'lastItem', 'url', 'link', 'offset', 'pageNumber'] } },
      allOf: [
        cursorBy('token', ['path'], paged),
        cursorBy('lastItem', ['path'], paged),
        cursorBy('url', ['path'], { path }),
        cursorBy('link', []),
        cursorBy('offset', []),
        cursorBy('pageNumber', [], { first: { type: 'integer', minimum: 0 } }),
      ],
    },
    since: {
      type: 'object',
      required: ['path', 'start'],
      additionalProperties: false,
      properties: {
        path,
        start: { type: ['string', 'number'] },
        as: { enum: ['iso', 'epochMs', 'epochSeconds'] },
        overlapSeconds: { type: 'number', minimum: 0, maximum: 864_000 },
      },
      dependentRequired: { overlapSeconds: ['as'] },
    },
    everySeconds: { type: 'number', minimum: 1, maximum: 604_800 },
    event: {
      type: 'object',
      required: ['type'],
      properties: { type: { enum: ['identify', 'track', 'group', 'page', 'screen', 'alias'] } },
    },
    pageBytesMax: { type: 'integer', minimum: 1_024, maximum: 64 * 1024 * 1024 },
    timeoutSeconds: { type: 'number', minimum: 0.1, maximum: 600 },
  },
}

/** Makes the check of what a SOURCE.json holds. It throws a `BadPollSource` that says where and what was expected. */
export function pollSourceReader(): (content: unknown) => PollSource {
  const check = schemaCompiler({ strict: true })(schema)
  return content => {
    const mismatch = check(content)
    if (mismatch === undefined) return withPlaces(content as PollSource)
    const where = mismatch.path === '' ? 'it' : mismatch.path.slice(1).replaceAll('/', '.')
    throw new BadPollSource(`${where} ${mismatch.expected}`)
  }
}

function withPlaces(source: PollSource): PollSource {
  const places = new Set([...placesIn(source.url), ...placesIn(source.body)])
  const wrong = [...places].find(place => place !== 'cursor' && place !== 'since')
  if (wrong !== undefined)
    throw new BadPollSource(`url and body may hold {cursor} and {since}, and not {${wrong}}`)
  if (places.has('since') !== (source.since !== undefined))
    throw new BadPollSource('{since} in url or body, and "since", go together: give both or none')
  const by = source.cursor?.by
  const usesCursor = by !== undefined && by !== 'url' && by !== 'link'
  if (places.has('cursor') !== usesCursor)
    throw new BadPollSource(
      `{cursor} must stand in url or body where "cursor" is by token, lastItem, offset or pageNumber, and else not`,
    )
  return source
}
