import { randomUUID } from 'node:crypto'
import type { FastifyRequest } from 'fastify'
import { type FormField, readFields } from '../http/form-fields.ts'
import { Problem } from '../http/problem.ts'
import { type AmpSenders, ampHeaders } from './amp-cors.ts'
import { openTicket, purposes } from './amp-tokens.ts'
import type { Desk } from './desk.ts'
import { type EventWriter, NotWritten, type WrittenEvent } from './event-writer.ts'

const BODY_BYTES_MAX = 65_536

/** What a form in an email becomes. */
type Made = Pick<WrittenEvent, 'type' | 'event' | 'properties' | 'traits'>
type Form = (fields: ReadonlyMap<string, string>) => Made

/**
 * `POST /v1/amp/forms/:form?token=…`, for `<form action-xhr>` in an email: `wishlist` (field `product_id`; with
 * `remove` it is taken off), and `preferences` (any fields, as traits `email_preferences`). The answer is for the
 * template `submit-success`: `{ "saved": true }`, once the brokers have the event, and `{ "message" }` for
 * `submit-error`. The same protections as for reading: the sender, and a token for this form and one user. A field
 * `messageId` lets a form that is sent twice count once.
 */
export function addAmpForms(desk: Desk, events: EventWriter, senders: AmpSenders): void {
  const { app, clock, tokens } = desk
  app.register(async inner => {
    inner.removeAllContentTypeParsers()
    inner.addContentTypeParser('*', { parseAs: 'buffer' }, (_request, body, done) =>
      done(null, body),
    )
    inner.post(
      '/v1/amp/forms/:form',
      { schema, bodyLimit: BODY_BYTES_MAX },
      async (request: FormRequest, reply) => {
        reply.headers({ ...ampHeaders(request, senders), 'cache-control': 'private, no-store' })
        const { form } = request.params
        const make = Object.hasOwn(forms, form) ? forms[form as keyof typeof forms] : undefined
        if (make === undefined || tokens === undefined)
          throw new Problem(404, 'unknown_form', `the forms are ${Object.keys(forms).join(', ')}`)
        const userId = openTicket(tokens, purposes.form, form, request.query.token, clock.now())
        const body = Buffer.isBuffer(request.body) ? request.body : Buffer.alloc(0)
        const fields = mapOf(await readFields(body, request.headers['content-type']))
        const messageId = fields.get('messageId')?.slice(0, 100) || randomUUID()
        try {
          await events.write({ ...make(fields), messageId: `amp:${messageId}`, userId })
        } catch (error) {
          if (!(error instanceof NotWritten)) throw error
          return reply.code(503).send({ message: 'This could not be saved now. Please try again.' })
        }
        return { saved: true }
      },
    )
  })
}

type FormRequest = FastifyRequest<{ Params: { form: string }; Querystring: { token?: unknown } }>

const schema = {
  summary: 'A form in an email, for action-xhr',
  tags: ['email'],
  security: [],
  params: {
    type: 'object',
    properties: { form: { type: 'string', enum: ['wishlist', 'preferences'] } },
  },
  querystring: {
    type: 'object',
    required: ['token'],
    properties: { token: { type: 'string', maxLength: 2_048 } },
  },
} as const

const forms = { wishlist, preferences } as const satisfies Record<string, Form>
const reserved = ['messageId', '__amp_source_origin']

function wishlist(fields: ReadonlyMap<string, string>): Made {
  const product_id = fields.get('product_id')
  if (!product_id || product_id.length > 200)
    throw new Problem(400, 'no_product', 'the form has a field product_id, of 1 to 200 characters')
  const event = fields.has('remove') ? 'Product Removed from Wishlist' : 'Product Added to Wishlist'
  return { type: 'track', event, properties: { product_id } }
}

function preferences(fields: ReadonlyMap<string, string>): Made {
  const chosen = [...fields].filter(([name]) => !reserved.includes(name))
  return { type: 'identify', traits: { email_preferences: Object.fromEntries(chosen) } }
}

/** Of several fields with one name all values, as HTML's lists of checkboxes send them. */
function mapOf(fields: readonly FormField[]): ReadonlyMap<string, string> {
  const map = new Map<string, string>()
  for (const { name, value } of fields) {
    const before = map.get(name)
    map.set(name, before === undefined ? value : `${before},${value}`)
  }
  return map
}
