import { createHmac, timingSafeEqual } from 'node:crypto'
import { type Head, Refused } from './webhook-provider.ts'

/** How far a signed time may lie off, where the provider signs each attempt anew; and how far ahead it may ever lie. */
export const toleranceMs = 5 * 60_000

/** Compares in a time that tells nothing of where two texts differ, nor of the secret one's length. */
export function sameText(given: string, secret: string): boolean {
  const [a, b] = [given, secret].map(text => createHmac('sha256', 'compare').update(text).digest())
  return a !== undefined && b !== undefined && timingSafeEqual(a, b)
}

/** Whether one of the secrets makes the signature. All are tried, so that the time does not tell which one it was. */
export function signedBy(
  secrets: readonly (string | Uint8Array)[],
  signature: string,
  sign: (secret: string | Uint8Array) => string,
): boolean {
  let found = false
  for (const secret of secrets) if (sameText(signature, sign(secret))) found = true
  return found
}

export function hmac(
  algorithm: 'sha1' | 'sha256',
  secret: string | Uint8Array,
  parts: readonly (string | Uint8Array)[],
  encoding: 'hex' | 'base64',
): string {
  const hash = createHmac(algorithm, secret)
  for (const part of parts) hash.update(part)
  return hash.digest(encoding)
}

/** @throws Refused where a header is missing */
export function needHeader(head: Head, name: string, what: string): string {
  const value = head.header(name)
  if (value !== '') return value
  throw new Refused('no_signature', `the header ${name} is missing: ${what}`)
}

/**
 * Checks the time that a signature covers.
 *
 * @param at epoch ms; NaN is refused
 * @param repeatMs how long the provider may repeat a request with its first signature; 0 where it signs each anew
 */
export function checkTime(at: number, now: number, repeatMs: number): void {
  if (!Number.isFinite(at)) throw new Refused('not_readable', 'the signed time is no time')
  const minutes = Math.round((repeatMs + toleranceMs) / 60_000)
  if (now - at > repeatMs + toleranceMs)
    throw new Refused(
      'too_old',
      `it was signed more than ${minutes} minutes ago: a repeat, or a wrong clock on one side`,
    )
  if (at - now > toleranceMs)
    throw new Refused('too_new', 'it was signed in the future: a clock is wrong on one side')
}

/** Refuses what does not bring the user's name and one of the secrets (RFC 7617). */
export function needBasic(head: Head, username: string, secrets: readonly string[]): void {
  const [, encoded = ''] = /^basic +([\w+/=-]{1,4096})$/i.exec(head.header('authorization')) ?? []
  if (encoded === '')
    throw new Refused('no_signature', 'expected basic authentication: put user and secret into it')
  const given = Buffer.from(encoded, 'base64').toString('utf8')
  if (!signedBy(secrets, given, secret => `${username}:${secret}`))
    throw new Refused('bad_signature', 'the user or the secret is wrong')
}
