import type { FastifyRequest } from 'fastify'
import { Problem } from '../http/problem.ts'

export interface AmpSenders {
  /** From addresses that emails with our AMP are sent from; `*@shop.example` allows a domain, `*` any. */
  readonly senders: readonly string[]
  /** Mail clients' pages that ask the old way (version 1). */
  readonly origins: readonly string[]
}

/** Mail clients that show AMP in a page of theirs: https://amp.dev/support/faq/email-support, and the playground. */
export const mailOrigins = [
  'https://mail.google.com',
  'https://amp.gmail.dev',
  'https://mail.yahoo.com',
  'https://e.mail.ru',
  'https://touch.mail.ru',
  'https://playground.amp.dev',
]

/**
 * The headers that let a mail client show our answer, by either version of AMP's rules for email
 * (https://amp.dev/documentation/guides-and-tutorials/email/learn/cors-in-email):
 *
 * | request | answer |
 * |---|---|
 * | `AMP-Email-Sender` (version 2, wins where both are there) | `AMP-Email-Allow-Sender` |
 * | `Origin` and `__amp_source_origin` (version 1) | `Access-Control-Allow-Origin`, `AMP-Access-Control-Allow-Source-Origin`, `Access-Control-Expose-Headers` |
 * | neither | refused with 403 |
 *
 * @throws Problem 403
 */
export function ampHeaders(request: FastifyRequest, allowed: AmpSenders): Record<string, string> {
  const sender = textOf(request.headers['amp-email-sender'])
  if (sender !== undefined) {
    if (!isAllowed(sender, allowed.senders)) throw otherSender()
    return { 'amp-email-allow-sender': sender }
  }
  const { __amp_source_origin } = request.query as { readonly __amp_source_origin?: unknown }
  const source = textOf(__amp_source_origin)
  const { origin } = request.headers
  if (origin === undefined || source === undefined) {
    const detail =
      'mail clients say who sent the email: in AMP-Email-Sender, or in Origin and __amp_source_origin; this request says neither'
    throw new Problem(403, 'not_from_an_email', detail)
  }
  if (!isAllowed(source, allowed.senders)) throw otherSender()
  if (!allowed.origins.includes(origin)) {
    const detail = 'this Origin is none of the mail clients that are known to show AMP'
    throw new Problem(403, 'other_origin', detail)
  }
  return {
    'access-control-allow-origin': origin,
    'amp-access-control-allow-source-origin': source,
    'access-control-expose-headers': 'AMP-Access-Control-Allow-Source-Origin',
    vary: 'Origin',
  }
}

const CHARS_MAX = 320
/** As an address may stand in a header: one `@`, and nothing that ends a line or begins another value. */
const address = /^[\w.!#$%&'*+/=?^`{|}~-]+@[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?$/i

function textOf(sent: unknown): string | undefined {
  return typeof sent === 'string' && sent !== '' ? sent : undefined
}

function isAllowed(sender: string, senders: readonly string[]): boolean {
  if (sender.length > CHARS_MAX || !address.test(sender)) return false
  const lower = sender.toLowerCase()
  const domain = lower.slice(lower.lastIndexOf('@'))
  return senders.some(each => {
    const allowed = each.toLowerCase()
    return allowed === '*' || allowed === lower || allowed === `*${domain}`
  })
}

function otherSender(): Problem {
  const detail =
    'emails of this sender may not ask here: give the address that they are sent from to --amp-senders'
  return new Problem(403, 'other_sender', detail)
}
