import type { JWTVerifyGetKey } from 'jose'
import type { BearersOptions } from './bearers.ts'

/** The public keys of an issuer, as its JWKS has them. */
export interface IssuerKeys {
  readonly find: JWTVerifyGetKey
  /** Whether a search failed since the issuer does not answer, or answers nonsense. */
  isAway(error: unknown): boolean
  close(): void
}

class IssuerAway extends Error {
  override readonly name = 'IssuerAway'
}

const REFRESH_MS = 600_000
const TIMEOUT_MS = 5_000
/** A token with an unknown key makes us ask, but not more often than that, whatever the answer was. */
const COOL_DOWN_MS = 30_000
const COOL_DOWN_AFTER_FAILURE_MS = 5_000
const BYTES_MAX = 262_144

/**
 * Asks every ten minutes, and for a key that is not known yet. While the issuer does not answer the known keys go on;
 * a key that it takes back opens nothing once it has answered without it.
 */
export async function issuerKeys({ jwks, clock, logger }: BearersOptions): Promise<IssuerKeys> {
  const { createRemoteJWKSet, customFetch, errors } = await import('jose')
  let failedAt = Number.NEGATIVE_INFINITY
  const ask = async (url: string, init: RequestInit): Promise<Response> => {
    if (clock.elapsed() - failedAt < COOL_DOWN_AFTER_FAILURE_MS)
      throw new IssuerAway('it was asked a moment ago')
    try {
      const answer = await fetch(url, init)
      if (answer.status !== 200) throw new IssuerAway(`it answers ${answer.status}`)
      return new Response(await bodyOf(answer), { status: 200 })
    } catch (error) {
      failedAt = clock.elapsed()
      const reason = error instanceof Error ? error.message : String(error)
      logger.warn({ reason }, "the OAuth issuer's keys cannot be read: those that are known go on")
      throw new IssuerAway(reason, { cause: error })
    }
  }
  const set = createRemoteJWKSet(jwks, {
    // It would refuse what is older; asking again is ours, so that known keys outlive an issuer that is away.
    ...{ cacheMaxAge: Number.POSITIVE_INFINITY, cooldownDuration: COOL_DOWN_MS },
    ...{ timeoutDuration: TIMEOUT_MS, [customFetch]: ask },
  })
  const isAway = (error: unknown) =>
    error instanceof IssuerAway ||
    error instanceof errors.JWKSTimeout ||
    error instanceof errors.JWKSInvalid
  const refresh = () =>
    set.reload().catch((error: unknown) => {
      if (!isAway(error) && !(error instanceof errors.JOSEError)) throw error // told by `ask`
    })
  await refresh()
  return { find: set, isAway, close: clock.every(REFRESH_MS, refresh) }
}

async function bodyOf(answer: Response): Promise<string> {
  const decoder = new TextDecoder()
  let text = ''
  for await (const bytes of answer.body ?? []) {
    text += decoder.decode(bytes as Uint8Array, { stream: true })
    if (text.length > BYTES_MAX)
      throw new IssuerAway(`its answer is larger than ${BYTES_MAX} bytes`)
  }
  return text + decoder.decode()
}
