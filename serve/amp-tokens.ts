import { Problem } from '../http/problem.ts'
import type { Tokens } from '../http/tokens.ts'

/** What a token in an email is for; one made for a block opens no form, and no other block. */
export const purposes = { block: 'block', form: 'amp-form', image: 'image' } as const
export type Purpose = (typeof purposes)[keyof typeof purposes]

/** Mail clients show AMP for 30 days; a day more for those at the edge. */
const USABLE_MS = 31 * 86_400_000

/** Whose it is, and of what: a block, a form or an image. */
export interface Ticket {
  readonly user: string
  readonly name: string
}

/** Signs what lets one email ask for one thing of one user, for 31 days from when it is sent. */
export function signTicket(
  tokens: Tokens,
  purpose: Purpose,
  { user, name }: Ticket,
  sentAt: number,
): string {
  return tokens.sign(purpose, { u: user, n: name }, sentAt + USABLE_MS)
}

/**
 * The user of a token that was made for this.
 *
 * @throws Problem 403 for any other; it does not say what is wrong, which a forger would like to know
 */
export function openTicket(
  tokens: Tokens,
  purpose: Purpose,
  name: string,
  token: unknown,
  now: number,
): string {
  const opened = typeof token === 'string' ? tokens.open(purpose, token, now) : undefined
  if (opened !== undefined && 'claims' in opened && opened.claims.n === name && opened.claims.u)
    return opened.claims.u
  const detail =
    'the token in this URL is not one for this: it is of another email, too old, or cut'
  throw new Problem(403, 'bad_token', detail)
}
