import type { FastifyReply, FastifyRequest } from 'fastify'
import { purposes } from '../http/email-links.ts'
import type { Door } from './door.ts'
import {
  claimsOf,
  emailArrival,
  emailEvent,
  judged,
  type SignedOptions,
  takeBriefly,
} from './signed-events.ts'

/** One transparent pixel, 42 bytes. */
const gif = Buffer.from('R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7', 'base64')

/** Every open is asked for anew, from here; and other sites' pages may show it. */
const headers = {
  'cache-control': 'no-store, no-cache, must-revalidate, private, max-age=0',
  pragma: 'no-cache',
  expires: '0',
  'cross-origin-resource-policy': 'cross-origin',
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
}

/**
 * `GET` and `HEAD /v1/pixel.gif?t=<token>`: "Email Opened". Always 200 and always the image, whatever happens: a
 * broken image in a customer's mail helps nobody. A token that is not good, a request that is beyond the limits of all
 * requests, and an event that could not be kept are counted.
 */
export function addPixelRoutes(door: Door, options: SignedOptions): void {
  const sendImage = (reply: FastifyReply) =>
    reply.status(200).headers(headers).type('image/gif').send(gif)
  const errorHandler = (_error: unknown, _request: FastifyRequest, reply: FastifyReply) => {
    const refused = { route: 'pixel', reason: 'malformed' }
    door.telemetry.add('millrace_signed_links_refused', 1, refused)
    return sendImage(reply)
  }
  door.app.get<TokenRoute>('/v1/pixel.gif', { errorHandler }, async (request, reply) => {
    const claims = claimsOf(door, 'pixel', purposes.open, request.query.t)
    if (claims !== undefined) {
      const arrival = emailArrival(door, options.keepIp, request)
      const context = judged(options, 'open', claims, request, arrival.receivedAt)
      await takeBriefly(door, 'pixel', emailEvent('Email Opened', claims, context), arrival)
    }
    return sendImage(reply)
  })
}

interface TokenRoute {
  Querystring: { t?: unknown }
}
