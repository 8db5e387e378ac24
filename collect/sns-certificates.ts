import { type KeyObject, X509Certificate } from 'node:crypto'
import { Problem } from '../http/problem.ts'
import type { Clock } from '../runtime/clock.ts'
import { Refused } from './webhook-provider.ts'

/** The platform's `fetch`, or a test's. */
export type Fetch = (url: string, init: FetchInit) => Promise<FetchAnswer>

export interface FetchInit {
  readonly redirect: 'error'
  readonly signal: AbortSignal
}

export type FetchAnswer = Pick<Response, 'status' | 'body'>

/** Fetches of Amazon's, bounded: in size, in time, and in how many a minute. */
export interface Amazon {
  /** The key of the certificate at a URL of Amazon's; kept for a day. Throws `Refused`, or a `Problem` (503). */
  keyAt(url: string): Promise<KeyObject>
  /** Confirms a subscription. Throws a `Problem` (503): then Amazon asks again. */
  confirm(url: string): Promise<void>
}

const BYTES_MAX = 64 * 1024
const MS_MAX = 5_000
const KEYS_MAX = 16
const KEY_MS = 24 * 3_600_000
/** Whoever asks with ever new addresses of certificates gets no more than this out of us. */
const FETCHES_MAX = 20
const MINUTE_MS = 60_000

export function amazon(fetch: Fetch, clock: Clock): Amazon {
  const keys = new Map<string, { readonly key: Promise<KeyObject>; readonly until: number }>()
  let minute = { since: 0, fetches: 0 }

  async function fetched(url: string): Promise<string> {
    const now = clock.elapsed()
    if (now - minute.since > MINUTE_MS || minute.since === 0) minute = { since: now, fetches: 0 }
    if (minute.fetches >= FETCHES_MAX) throw trouble('asked too often')
    minute.fetches++
    try {
      const { status, body } = await fetch(url, {
        redirect: 'error',
        signal: AbortSignal.timeout(MS_MAX),
      })
      const text = await textOf(body)
      if (status === 200) return text
    } catch (error) {
      throw trouble(error instanceof Problem ? 'it answered too much' : 'it could not be reached')
    }
    throw trouble('it did not answer 200')
  }

  async function fetchKey(url: string): Promise<KeyObject> {
    const certificate = certificateOf(await fetched(url))
    const now = clock.now()
    if (Date.parse(certificate.validFrom) > now || Date.parse(certificate.validTo) < now)
      throw new Refused('bad_signature', 'the certificate is not valid at this time')
    return certificate.publicKey
  }

  return {
    async keyAt(url) {
      const found = keys.get(url)
      if (found !== undefined && found.until > clock.elapsed()) return found.key
      const key = fetchKey(url)
      keys.delete(url)
      keys.set(url, { key, until: clock.elapsed() + KEY_MS })
      const [oldest = ''] = keys.keys()
      if (keys.size > KEYS_MAX) keys.delete(oldest)
      try {
        return await key
      } catch (error) {
        if (keys.get(url)?.key === key) keys.delete(url)
        throw error
      }
    },
    async confirm(url) {
      await fetched(url)
    },
  }
}

function certificateOf(pem: string): X509Certificate {
  try {
    return new X509Certificate(pem)
  } catch (error) {
    const what = error instanceof Error ? error.name : 'an error'
    throw new Refused('bad_signature', `at the certificate’s address is no certificate (${what})`)
  }
}

async function textOf(body: FetchAnswer['body']): Promise<string> {
  const chunks: Uint8Array[] = []
  let bytes = 0
  for await (const chunk of body ?? []) {
    bytes += chunk.length
    if (bytes > BYTES_MAX) throw trouble('too much')
    chunks.push(chunk)
  }
  return Buffer.concat(chunks).toString('latin1')
}

function trouble(what: string): Problem {
  const detail = `Amazon was asked for a certificate or a confirmation, and ${what}: send it again`
  return new Problem(503, 'amazon_unreachable', detail, { 'retry-after': '30' })
}
