import type { FastifyReply, FastifyRequest } from 'fastify'
import { checkTarget, type EmailClaims, LinkError, purposes } from '../http/email-links.ts'
import type { Door } from './door.ts'
import { sendPage } from './person-page.ts'
import {
  claimsOf,
  emailArrival,
  emailEvent,
  judged,
  type SignedOptions,
  takeBriefly,
} from './signed-events.ts'

/** Neither caches nor the target may keep the token. */
const headers = {
  'cache-control': 'no-store, private',
  'referrer-policy': 'no-referrer',
  'x-robots-tag': 'noindex',
}

/**
 * `GET` and `HEAD /v1/click?t=<token>`: "Email Link Clicked", and on to the target that the token has. Nobody can
 * send people elsewhere by it: without a good token there is a page that says so, and no redirect.
 */
export function addClickRoutes(door: Door, options: SignedOptions): void {
  door.app.get('/v1/click', async (request: TokenRequest, reply: FastifyReply) => {
    const claims = claimsOf(door, 'click', purposes.click, request.query.t)
    const target = claims && targetOf(claims)
    if (claims === undefined || target === undefined) {
      return sendPage(reply, 404, {
        title: 'This link does not work',
        text: 'It may have been cut off on its way to you, or it is too old. Open the email again and try once more, or go to the sender’s website.',
      })
    }
    const arrival = emailArrival(door, options.keepIp, request)
    const context = judged(options, 'click', claims, request, arrival.receivedAt)
    await takeBriefly(door, 'click', emailEvent('Email Link Clicked', claims, context), arrival)
    return reply.headers(headers).redirect(target, 302)
  })
}

type TokenRequest = FastifyRequest<{ Querystring: { t?: unknown } }>

/** Checked when it was signed, and here again: the rules may have become stricter since. */
function targetOf({ to }: EmailClaims): string | undefined {
  try {
    return to === undefined ? undefined : checkTarget(to)
  } catch (error) {
    if (error instanceof LinkError) return undefined
    throw error
  }
}
