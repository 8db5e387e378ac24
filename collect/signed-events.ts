import type { FastifyRequest } from 'fastify'
import type { EmailClaims } from '../http/email-links.ts'
import type { Door } from './door.ts'
import type { Arrival } from './intake.ts'
import type { Judge } from './judge.ts'

export interface SignedOptions {
  /** Who opened or clicked, of all ways in that can tell. */
  readonly judge: Judge
  /** Whether the sender's address goes into events. */
  readonly keepIp: boolean
}

export type SignedDoor = 'pixel' | 'click' | 'unsubscribe'

/** Longer than a healthy broker takes, shorter than a person notices. */
const WAIT_MS = 150

/** The claims of a token in a URL; `undefined`, and counted, when it is no good one. */
export function claimsOf(
  { tokens, clock, telemetry }: Door,
  door: SignedDoor,
  purpose: string,
  token: unknown,
): EmailClaims | undefined {
  const opened =
    typeof token === 'string'
      ? tokens.open(purpose, token, clock.now())
      : ({ fault: 'malformed' } as const)
  if ('claims' in opened) return opened.claims
  telemetry.add('millrace_signed_links_refused', 1, { route: door, reason: opened.fault })
  return undefined
}

/** One of Segment's email events (https://segment.com/docs/connections/spec/email/), from what the link says. */
export function emailEvent(
  name: 'Email Opened' | 'Email Link Clicked' | 'Unsubscribed',
  { e, u, a, c, l, to, k }: EmailClaims,
  context: object = {},
): Record<string, unknown> {
  const properties = { email_id: e, campaign_id: c, list_id: l, link_id: k, link_url: to }
  return {
    type: 'track',
    event: name,
    ...(u !== undefined && { userId: u }),
    ...(a !== undefined && { anonymousId: a }),
    properties: Object.fromEntries(
      Object.entries(properties).filter(([, value]) => value !== undefined),
    ),
    context,
  }
}

/**
 * Who opened or clicked, a human or a machine, with the facts that it rests on: a part of the event's context. Where
 * addresses are not kept, what they say of a machine is, and the address is not.
 */
export function judged(
  { judge, keepIp }: SignedOptions,
  kind: 'open' | 'click',
  { e, u, a, to, t, x }: EmailClaims,
  { method, ip, headers }: FastifyRequest,
  at: number,
): object {
  const { ip: address, ...rest } = judge.classifyRequest({
    kind,
    method,
    userAgent: headers['user-agent'] ?? '',
    ip,
    at,
    ...(e !== undefined && { message: `link ${e} ${u ?? a ?? ''}` }),
    ...(to !== undefined && { link: to }),
    ...(t !== undefined && { sentAt: Number.parseInt(t, 36) * 1000 }),
    ...(x === '1' && { honeypot: true }),
  })
  return keepIp ? { ...rest, ip: address } : rest
}

/** Where an event of a signed link comes from: no write key, the signature is what lets it in. */
export function emailArrival(
  { clock }: Door,
  keepIp: boolean,
  { ip, headers }: FastifyRequest,
): Arrival {
  return {
    source: { name: 'email', requireConsent: false },
    receivedAt: clock.now(),
    ...(keepIp && { ip }),
    userAgent: headers['user-agent'],
  }
}

/**
 * Gives an event to the intake and waits for it, but not for long: an image or a redirect that hangs is worse than
 * an answer that promises nothing. What could not be kept is counted, also when that turns out later. Never rejects.
 */
export async function takeBriefly(
  { intake, clock, telemetry }: Door,
  door: SignedDoor,
  event: Record<string, unknown>,
  arrival: Arrival,
): Promise<void> {
  const done = new AbortController()
  const taking = async () => {
    try {
      await intake.take([event], arrival)
    } catch {
      telemetry.add('millrace_signed_events_lost', 1, { route: door })
    } finally {
      done.abort()
    }
  }
  await Promise.race([taking(), clock.sleep(WAIT_MS, done.signal)])
}
