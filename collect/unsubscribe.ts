import type { FastifyReply, FastifyRequest } from 'fastify'
import { purposes } from '../http/email-links.ts'
import { readFields } from '../http/form-fields.ts'
import { Problem } from '../http/problem.ts'
import { rawBody } from './body.ts'
import type { Door } from './door.ts'
import { answerPerson, sendPage } from './person-page.ts'
import { claimsOf, emailArrival, emailEvent, type SignedOptions } from './signed-events.ts'

/** What mail programs post, and our own button: RFC 8058, 3.1. */
const oneClick = { name: 'List-Unsubscribe', value: 'One-Click' }
const BODY_BYTES_MAX = 16_384
const path = '/v1/unsubscribe/:token'

/**
 * `POST /v1/unsubscribe/<token>` with `List-Unsubscribe=One-Click`: "Unsubscribed", 200 once that is safe, without a
 * redirect, a cookie or a question (RFC 8058). `GET` never unsubscribes anybody, since scanners follow every link: it
 * shows a page with a button. Not like pixel and click, which answer at once: here the answer is a promise.
 */
export function addUnsubscribeRoutes(door: Door, { keepIp }: Pick<SignedOptions, 'keepIp'>): void {
  door.app.get(path, async (request: TokenRequest, reply) => {
    const claims = claimsOf(door, 'unsubscribe', purposes.unsubscribe, request.params.token)
    if (claims === undefined) return sendBadLink(reply)
    return sendPage(reply, 200, {
      title: 'Unsubscribe?',
      text: `You will no longer get ${claims.l ? `“${claims.l}”` : 'emails of this kind'} from this sender.`,
      button: { label: 'Unsubscribe', fields: { [oneClick.name]: oneClick.value } },
    })
  })

  const options = { bodyLimit: BODY_BYTES_MAX }
  door.app.post(path, options, (request: TokenRequest, reply) =>
    answerPerson(request, reply, async () => {
      const claims = claimsOf(door, 'unsubscribe', purposes.unsubscribe, request.params.token)
      if (claims === undefined) return sendBadLink(reply)
      await checkOneClick(request)
      const event = emailEvent('Unsubscribed', claims)
      await door.intake.take([event], emailArrival(door, keepIp, request))
      return sendPage(reply, 200, {
        title: 'You are unsubscribed',
        text: 'That is all. An email that was on its way already may still arrive.',
      })
    }),
  )
}

type TokenRequest = FastifyRequest<{ Params: { token: string } }>

async function checkOneClick(request: TokenRequest): Promise<void> {
  const fields = await readFields(rawBody(request), request.headers['content-type'])
  const isOneClick = fields.some(
    ({ name, value }) =>
      name.toLowerCase() === oneClick.name.toLowerCase() &&
      value.trim().toLowerCase() === oneClick.value.toLowerCase(),
  )
  if (isOneClick) return
  throw new Problem(
    400,
    'not_one_click',
    'expected the form field List-Unsubscribe with the value One-Click (RFC 8058), found none: nobody was unsubscribed',
  )
}

function sendBadLink(reply: FastifyReply): FastifyReply {
  return sendPage(reply, 404, {
    title: 'This link does not work',
    text: 'It may have been cut off on its way to you. Open the email again and try once more, or answer the email and ask for no more.',
  })
}
