import type { FastifyReply, FastifyRequest } from 'fastify'
import { Problem } from '../http/problem.ts'
import type { Addresses } from './address.ts'
import { rawBody } from './body.ts'
import type { Door } from './door.ts'
import type { Judge } from './judge.ts'
import { type MailEvent, messageIdOf, messageOf, segmentEvent } from './mail-event.ts'
import type { Fetch } from './sns-certificates.ts'
import { BadWebhook } from './webhook-error.ts'
import { pathOf, type WebhookEntry } from './webhook-file.ts'
import { type Head, type Provider, Refused, type Webhook } from './webhook-provider.ts'
import { Seen } from './webhook-seen.ts'
import { ReadingSlots } from './webhook-slots.ts'

export interface WebhooksOptions {
  readonly webhooks: readonly WebhookEntry[]
  readonly addresses: Addresses
  /** The one that pixel and click links ask, too. */
  readonly judge: Judge
  /** Whether events have the address of the device that opened or clicked. */
  readonly keepIp: boolean
  /** How Amazon is asked; the platform's own when left out. */
  readonly fetch?: Fetch
}

/** A thousand events of Mandrill's, url-encoded, are about half of it. */
const BODY_BYTES_MAX = 4 * 1024 * 1024
const IDS_MAX = 100_000
const EVENTS_AT_ONCE = 500
/** A verdict costs about 40 µs: after so many other requests have their turn. */
const EVENTS_A_TURN = 100

interface Open {
  readonly entry: WebhookEntry
  readonly webhook: Webhook
  readonly seen: Seen
}

type Outcome = 'taken' | 'rejected' | 'repeated' | 'left_out'

/**
 * `/v1/webhooks/:provider` and `/v1/webhooks/:provider/:name`, as the file of webhooks has them. A request is answered
 * 200 once its events are safe. Refused are: an unknown path (404), a signature that is wrong, missing or too old (401,
 * 403 or 406, whichever the provider takes as final), a body that nobody can read (400 or 406); and while we cannot keep
 * anything, 429 or 503, whichever the provider repeats sooner.
 *
 * @throws BadWebhook where a secret cannot be one
 */
export function addWebhookRoutes(door: Door, options: WebhooksOptions): void {
  const opened = new Map(options.webhooks.map(entry => [pathOf(entry), open(entry, door, options)]))
  const slots = new ReadingSlots()

  const find = ({ params }: FastifyRequest): Open => {
    const { provider, name } = params as { provider: string; name?: string }
    const found = opened.get(`/v1/webhooks/${provider}${name ? `/${name}` : ''}`)
    if (found !== undefined) return found
    const detail = 'no webhook is at this path: the file of --webhooks names them'
    throw new Problem(404, 'unknown_webhook', detail)
  }

  for (const url of ['/v1/webhooks/:provider', '/v1/webhooks/:provider/:name']) {
    door.app.route({
      method: 'POST',
      url,
      bodyLimit: BODY_BYTES_MAX,
      async onRequest(request, reply) {
        const over = await door.guard.overAddress(request)
        const { entry, webhook } = find(request)
        if (over !== undefined) throw overLimit(entry.provider, over.retryAfterSeconds)
        attempt(entry, door, () => webhook.admit?.(headOf(request)))
        const free = slots.take(request.ip)
        if (free === undefined) throw busy(entry.provider)
        reply.raw.once('close', free)
      },
      handler: async (request, reply) => receive(find(request), request, reply, door, options),
    })
    door.app.route({
      method: ['GET', 'HEAD'],
      url,
      async handler(request, reply) {
        const { entry, webhook } = find(request)
        if (!entry.provider.probes?.some(method => method === request.method))
          throw new Problem(405, 'post_expected', 'a webhook takes POST', { allow: 'POST' })
        attempt(entry, door, () => webhook.probe?.(headOf(request)))
        return reply.code(200).send('')
      },
    })
  }
}

function open(entry: WebhookEntry, { clock }: Door, { fetch = globalThis.fetch }: WebhooksOptions) {
  const { provider } = entry
  try {
    const webhook = provider.open({ ...entry, clock, fetch })
    return { entry, webhook, seen: new Seen(provider.repeatMs, IDS_MAX) }
  } catch (error) {
    throw new BadWebhook(pathOf(entry), error)
  }
}

async function receive(
  { entry, webhook, seen }: Open,
  request: FastifyRequest,
  reply: FastifyReply,
  door: Door,
  options: WebhooksOptions,
): Promise<FastifyReply> {
  const { clock, telemetry } = door
  const { provider } = entry
  const delivery = { ...headOf(request), body: rawBody(request), now: clock.now() }
  const { events, leftOut } = await attempt(entry, door, () => webhook.read(delivery))
  const fresh = events.filter(mail => !seen.has(messageIdOf(provider.name, mail), clock.elapsed()))
  const counts: Record<Outcome, number> = {
    taken: 0,
    rejected: 0,
    repeated: events.length - fresh.length,
    left_out: leftOut,
  }
  tellAhead(fresh, provider.name, options.judge)
  for (let from = 0; from < fresh.length; from += EVENTS_AT_ONCE) {
    const mails = fresh.slice(from, from + EVENTS_AT_ONCE)
    const { accepted, rejected } = await take(mails, entry, delivery.now, door, options)
    counts.taken += accepted
    counts.rejected += rejected
    for (const mail of mails) seen.add(messageIdOf(provider.name, mail), clock.elapsed())
  }
  for (const [outcome, count] of Object.entries(counts))
    if (count > 0)
      telemetry.add('millrace_webhook_events', count, { provider: provider.name, outcome })
  return reply.code(200).send(counts)
}

/** Deliveries and clicks of one request stand in any order; a verdict needs them all. */
function tellAhead(mails: readonly MailEvent[], provider: string, judge: Judge): void {
  for (const mail of mails) {
    const message = messageOf(mail, provider)
    const link = mail.linkUrl ?? mail.linkId
    if (message === undefined) continue
    if (mail.kind === 'delivered') judge.delivered(message, mail.at)
    if (mail.kind === 'clicked' && link !== undefined) judge.clicked(message, link, mail.at)
  }
}

async function take(
  mails: readonly MailEvent[],
  { provider, source, keepAddress }: WebhookEntry,
  receivedAt: number,
  { intake, clock }: Door,
  { addresses, judge, keepIp }: WebhooksOptions,
): Promise<{ accepted: number; rejected: number }> {
  const segmenting = { provider: provider.name, addresses, judge, keepAddress, keepIp }
  const events: unknown[] = []
  for (const mail of mails) {
    if (events.length % EVENTS_A_TURN === EVENTS_A_TURN - 1) await clock.turn()
    events.push(segmentEvent(mail, segmenting))
  }
  try {
    const arrival = { source: { name: source, requireConsent: false }, receivedAt }
    const { accepted, rejected } = await intake.take(events, arrival)
    return { accepted, rejected: rejected.length }
  } catch (error) {
    if (!(error instanceof Problem) || (error.status !== 429 && error.status < 500)) throw error
    throw new Problem(provider.troubleStatus, error.code, error.message, error.headers)
  }
}

/** Answers what a refusal means to the provider, and counts it. */
function attempt<Result>(
  { provider }: WebhookEntry,
  { telemetry }: Door,
  read: () => Result | Promise<Result>,
): Result | Promise<Result> {
  const refused = (error: unknown): never => {
    if (!(error instanceof Refused)) throw error
    const { code: reason, message } = error
    telemetry.add('millrace_webhook_refusals', 1, { provider: provider.name, reason })
    throw refusalOf(provider, reason, message)
  }
  try {
    const result = read()
    return result instanceof Promise ? result.catch(refused) : result
  } catch (error) {
    return refused(error)
  }
}

function refusalOf(provider: Provider, code: Refused['code'], message: string): Problem {
  const { refusedStatus } = provider
  const unreadable = code === 'not_readable' && refusedStatus !== 406
  const status = unreadable ? 400 : code === 'other_topic' ? 403 : refusedStatus
  const headers = status === 401 ? { 'www-authenticate': 'Webhook realm="millrace"' } : {}
  return new Problem(status, code, message, headers)
}

function busy({ troubleStatus }: Provider): Problem {
  const detail = 'as many requests are being read already as may be: send it again'
  return new Problem(troubleStatus, 'too_many_requests', detail, { 'retry-after': '5' })
}

function overLimit({ troubleStatus }: Provider, seconds: number): Problem {
  const detail = `more requests came than one address may send in a second: come again after ${seconds} s`
  return new Problem(troubleStatus, 'over_limit', detail, { 'retry-after': String(seconds) })
}

function headOf({ headers, query }: FastifyRequest): Head {
  return {
    header(name) {
      const value = headers[name]
      return typeof value === 'string' ? value : ''
    },
    query(name) {
      const value = (query as Readonly<Record<string, unknown>>)[name]
      return typeof value === 'string' ? value : ''
    },
  }
}
