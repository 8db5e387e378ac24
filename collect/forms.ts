import { randomUUID } from 'node:crypto'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { type FormField, readFields } from '../http/form-fields.ts'
import { originRule } from '../http/origins.ts'
import { type Addresses, isAddress } from './address.ts'
import { rawBody } from './body.ts'
import type { Door } from './door.ts'
import type { Source } from './intake.ts'
import { answerPerson, sendPage } from './person-page.ts'

const BODY_BYTES_MAX = 65_536

export interface FormOptions {
  /** Without it, who says only an address is nobody known. */
  readonly addresses?: Addresses | undefined
  /** Whether the sender's address goes into events. */
  readonly keepIp: boolean
}

/** A field that no person sees, so that only a program fills it in. */
const HONEYPOT = '_gotcha'
/** What a form says to us; all other fields are properties. */
const CONTROLS = ['writeKey', 'userId', 'anonymousId', 'messageId', 'redirect', HONEYPOT]
/** Never taken, whoever asks for it: names of passwords and of cards. */
const SECRET = /pass(word|wd|phrase)|\bpwd\b|cvc|cvv|card.?(number|no\b)|\biban\b/i

/**
 * `POST /v1/forms/<name>`, urlencoded or multipart: "Form Submitted", with the fields as properties and the form's
 * name as `form_name`. Hidden fields say the write key, who it is, the message id, the consent (`consent.<category>`)
 * and where to go afterwards (`redirect`): a page of the site that the form stands on, or of another that the key is
 * for; else there is a page that says thanks. A form in which the honeypot `_gotcha` is filled in is answered like a good one, counted, and
 * not taken. Files, passwords and card numbers are left out.
 */
export function addFormRoutes(door: Door, { addresses, keepIp }: FormOptions): void {
  const { app, clock, guard, intake, telemetry } = door
  const options = { bodyLimit: BODY_BYTES_MAX }
  app.post('/v1/forms/:name', options, (request: FormRequest, reply) =>
    answerPerson(request, reply, async () => {
      const fields = await readFields(rawBody(request), request.headers['content-type'])
      const source = await guard.sourceOf(request, textOf(fields, 'writeKey'))
      if (textOf(fields, HONEYPOT)) telemetry.add('millrace_form_robots', 1)
      else {
        const event = eventOf(request.params.name, fields, addresses)
        await intake.take([event], {
          source,
          receivedAt: clock.now(),
          ...(keepIp && { ip: request.ip }),
          userAgent: request.headers['user-agent'],
        })
      }
      return sendDone(request, reply, source, textOf(fields, 'redirect'))
    }),
  )
}

type FormRequest = FastifyRequest<{ Params: { name: string } }>

function eventOf(
  name: string,
  fields: readonly FormField[],
  addresses: Addresses | undefined,
): Record<string, unknown> {
  const [userId, messageId] = [textOf(fields, 'userId'), textOf(fields, 'messageId')]
  const consent = consentOf(fields)
  return {
    type: 'track',
    event: 'Form Submitted',
    anonymousId: anonymousIdOf(fields, userId, addresses),
    ...(userId && { userId }),
    ...(messageId && { messageId }),
    properties: { ...propertiesOf(fields), form_name: name },
    context: consent === undefined ? {} : { consent: { categoryPreferences: consent } },
  }
}

/** Somebody who says only an address is whom that address stands for; who says nothing is nobody known. */
function anonymousIdOf(
  fields: readonly FormField[],
  userId: string | undefined,
  addresses: Addresses | undefined,
): string | undefined {
  const given = textOf(fields, 'anonymousId')
  if (given || userId) return given || undefined
  const address = fields.find(({ name }) => name.toLowerCase() === 'email')?.value
  return addresses && isAddress(address) ? addresses.idOf(address) : `form:${randomUUID()}`
}

/** A field that is there several times, as checkboxes are, is a list. */
function propertiesOf(fields: readonly FormField[]): Record<string, string | string[]> {
  const found = new Map<string, string[]>()
  for (const { name, value } of fields) {
    const isControl = CONTROLS.includes(name) || name.startsWith('consent.')
    if (name === '' || name === '__proto__' || isControl || SECRET.test(name)) continue
    found.set(name, [...(found.get(name) ?? []), value])
  }
  return Object.fromEntries(
    [...found].map(([name, values]) => [name, values.length > 1 ? values : (values[0] ?? '')]),
  )
}

/** `consent.marketing`, a checkbox with or without a hidden field before it: the last one counts. */
function consentOf(fields: readonly FormField[]): Record<string, boolean> | undefined {
  const said = fields
    .filter(({ name }) => name.startsWith('consent.') && name !== 'consent.__proto__')
    .map(({ name, value }) => [name.slice('consent.'.length), /^(on|true|yes|1)$/i.test(value)])
  return said.length === 0 ? undefined : Object.fromEntries(said)
}

function sendDone(
  request: FormRequest,
  reply: FastifyReply,
  { origins = [] }: Source,
  redirect: string | undefined,
): FastifyReply {
  const origin = originOf(request)
  if (redirect && URL.canParse(redirect, origin)) {
    const target = new URL(redirect, origin)
    const isOurs = target.origin === origin || originRule(origins)(target.origin)
    if (isOurs && /^https?:$/.test(target.protocol) && !target.username && !target.password)
      return reply.header('cache-control', 'no-store').redirect(target.href, 303)
  }
  return sendPage(reply, 200, {
    title: 'Thank you',
    text: 'What you wrote has arrived.',
    ...(origin !== undefined && { link: { label: 'Back to the website', href: `${origin}/` } }),
  })
}

/** Of the page with the form, which the guard has let in. No script and no other site can set these headers. */
function originOf({ headers }: FastifyRequest): string | undefined {
  const said = headers.origin ?? headers.referer
  if (said === undefined || !URL.canParse(said)) return undefined
  const { protocol, origin } = new URL(said)
  return /^https?:$/.test(protocol) ? origin : undefined
}

function textOf(fields: readonly FormField[], name: string): string | undefined {
  return fields.find(field => field.name === name)?.value
}
