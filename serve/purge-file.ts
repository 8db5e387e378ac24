import { readFile } from 'node:fs/promises'

/** How a CDN is told to forget answers. */
export interface PurgeHook {
  /** The most tags in one request. */
  readonly tagsMax: number
  tags(tags: readonly string[]): PurgeRequest
  everything(): PurgeRequest
}

export interface PurgeRequest {
  readonly url: string
  readonly init: RequestInit
}

/** A file that says no hook. */
export class PurgeFileError extends Error {
  override readonly name = 'PurgeFileError'
  readonly code = 'bad_purge_file'
}

/**
 * Reads which CDN to tell, a JSON object of one of these:
 *
 * - `{ "cdn": "fastly", "service": "…", "tokenEnv": "FASTLY_TOKEN" }`
 *   (https://www.fastly.com/documentation/reference/api/purging/: `Surrogate-Key`, at most 256 keys)
 * - `{ "cdn": "cloudflare", "zone": "…", "tokenEnv": "CLOUDFLARE_TOKEN" }`
 *   (https://developers.cloudflare.com/api/resources/cache/methods/purge/: at most 30 tags)
 * - `{ "cdn": "webhook", "url": "https://…", "tokenEnv": "PURGE_TOKEN" }`: a POST of `{ "tags": [...] }` or
 *   `{ "everything": true }` with the token as Bearer, for whatever else there is, such as a function that makes
 *   invalidations of CloudFront
 *
 * `base` replaces the CDN's own address. Secrets stand in the environment. Rejects with a `PurgeFileError`.
 */
export async function readPurgeFile(
  path: string,
  env: Readonly<Record<string, string | undefined>>,
): Promise<PurgeHook> {
  const wrong = (what: string) => new PurgeFileError(`the purge hook in ${path}: ${what}`)
  let file: unknown
  try {
    file = JSON.parse(await readFile(path, 'utf8'))
  } catch (error) {
    throw wrong(`it cannot be read as JSON (${error instanceof Error ? error.message : error})`)
  }
  const said = (typeof file === 'object' && file !== null ? file : {}) as Record<string, unknown>
  const text = (name: string, example: string): string => {
    const value = said[name]
    if (typeof value === 'string' && value !== '') return value
    throw wrong(`"${name}" is missing: write "${name}": "${example}"`)
  }
  const token = () => {
    const name = text('tokenEnv', 'PURGE_TOKEN')
    const value = env[name]
    if (value) return value
    throw wrong(`the environment has no ${name}, which is to hold the token`)
  }
  switch (said.cdn) {
    case 'fastly':
      return fastly(
        base(said, 'https://api.fastly.com'),
        text('service', 'SU1Z0isxPaozGVKXdv0eY'),
        token(),
      )
    case 'cloudflare':
      return cloudflare(
        base(said, 'https://api.cloudflare.com'),
        text('zone', '023e105f4ecef8ad'),
        token(),
      )
    case 'webhook':
      return webhook(text('url', 'https://cdn.shop.example/purge'), token())
    default:
      throw wrong('"cdn" is fastly, cloudflare or webhook')
  }
}

function base({ base }: Record<string, unknown>, otherwise: string): string {
  return typeof base === 'string' && base !== '' ? base.replace(/\/+$/, '') : otherwise
}

function fastly(base: string, service: string, token: string): PurgeHook {
  const headers = { 'fastly-key': token, accept: 'application/json' }
  const url = `${base}/service/${encodeURIComponent(service)}`
  return {
    tagsMax: 256,
    tags: tags => ({
      url: `${url}/purge`,
      init: { method: 'POST', headers: { ...headers, 'surrogate-key': tags.join(' ') } },
    }),
    everything: () => ({ url: `${url}/purge_all`, init: { method: 'POST', headers } }),
  }
}

function cloudflare(base: string, zone: string, token: string): PurgeHook {
  const url = `${base}/client/v4/zones/${encodeURIComponent(zone)}/purge_cache`
  const post = (body: unknown) => ({ url, init: jsonPost(token, body) })
  return {
    tagsMax: 30,
    tags: tags => post({ tags }),
    everything: () => post({ purge_everything: true }),
  }
}

function webhook(url: string, token: string): PurgeHook {
  return {
    tagsMax: 1_000,
    tags: tags => ({ url, init: jsonPost(token, { tags }) }),
    everything: () => ({ url, init: jsonPost(token, { everything: true }) }),
  }
}

function jsonPost(token: string, body: unknown): RequestInit {
  return {
    method: 'POST',
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
    body: JSON.stringify(body),
  }
}
