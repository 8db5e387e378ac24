import { createHash } from 'node:crypto'
import { type Classification, type Classify, classifier, type Facts } from './classify.ts'
import type { Ruleset } from './ruleset.ts'
import { newestRules } from './rulesets.ts'

/** An open or a click, as whoever saw it knows it. */
export interface Engagement extends Omit<Facts, 'linksInLastSeconds' | 'deliveredAt'> {
  /** Names the message and to whom it went; for what is remembered of it, and kept nowhere else. */
  readonly message?: string | undefined
  /** What was clicked. */
  readonly link?: string | undefined
  /** When the message was delivered, where the caller knows it better than what was remembered. */
  readonly deliveredAt?: number | undefined
  /** When it was sent; stands for the delivery of which nothing was heard. */
  readonly sentAt?: number | undefined
}

/** The part of an event's `context` that says who opened or clicked, and what that rests on. */
export interface Judged {
  readonly classification: Classification
  /** The facts, but for the two below. */
  readonly engagement: Omit<Facts, 'ip' | 'userAgent'> & { readonly userAgent?: '' }
  readonly ip?: string
  readonly userAgent?: string
}

/**
 * Judges opens and clicks, and remembers what a single one does not show: when its message was delivered, and which
 * links were clicked beside it. It remembers the 50,000 messages that were seen last, in this process: best effort. A
 * click that comes before the others of its burst is judged without them.
 */
export interface Judge {
  /** @param at epoch ms */
  delivered(message: string, at: number): void
  /** A click of which there will be a verdict; told ahead for those that came together. */
  clicked(message: string, link: string, at: number): void
  /** Of a request to a pixel or a link of ours, or of a provider's open or click. A click is remembered. */
  classifyRequest(request: Engagement): Judged
}

const MESSAGES_MAX = 50_000
const CLICKS_MAX = 20
const NEAR_MS = 10_000
const NAME_CHARS_MAX = 200

interface Remembered {
  deliveredAt?: number
  clicks: readonly { readonly link: string; readonly at: number }[]
}

export function createJudge(ruleset: Ruleset = newestRules): Judge {
  const classify = classifier(ruleset)
  /** The one seen last stands last. */
  const messages = new Map<string, Remembered>()

  function remembered(message: string): Remembered {
    const name = message.length > NAME_CHARS_MAX ? digest(message) : message
    const found = messages.get(name) ?? { clicks: [] }
    messages.delete(name)
    messages.set(name, found)
    if (messages.size > MESSAGES_MAX) {
      const [oldest = ''] = messages.keys()
      messages.delete(oldest)
    }
    return found
  }

  function clicked(message: string, link: string, at: number): number {
    const known = remembered(message)
    const hashed = digest(link)
    if (!known.clicks.some(click => click.link === hashed && click.at === at))
      known.clicks = [...known.clicks, { link: hashed, at }].slice(-CLICKS_MAX)
    const near = known.clicks.filter(click => Math.abs(click.at - at) <= NEAR_MS)
    return new Set(near.map(click => click.link)).size
  }

  return {
    delivered(message, at) {
      remembered(message).deliveredAt = at
    },
    clicked: (message, link, at) => void clicked(message, link, at),
    classifyRequest({ message, link, deliveredAt: known, sentAt, ...given }) {
      const links =
        message !== undefined && link !== undefined && given.kind === 'click'
          ? clicked(message, link, given.at)
          : undefined
      const deliveredAt =
        known ?? (message === undefined ? undefined : remembered(message).deliveredAt) ?? sentAt
      const facts: Facts = {
        ...given,
        ...(deliveredAt !== undefined && { deliveredAt }),
        ...(links !== undefined && { linksInLastSeconds: links }),
      }
      return judged(facts, classify(facts))
    },
  }
}

/**
 * The event with the verdict of other rules, from the facts that are on it; `undefined`: it is no open or click, or was
 * never judged. Pure, so a replay can judge all of history again.
 *
 * @param classify of the ruleset: `classifier(ruleset)`
 */
export function judgeAgain(
  event: Readonly<Record<string, unknown>>,
  classify: Classify,
): Record<string, unknown> | undefined {
  const { context } = event
  if (!isObject(context) || !isObject(context.engagement)) return undefined
  const { kind, at } = context.engagement
  if ((kind !== 'open' && kind !== 'click') || typeof at !== 'number') return undefined
  const facts: Facts = {
    ...context.engagement,
    kind,
    at,
    ...(typeof context.ip === 'string' && { ip: context.ip }),
    ...(typeof context.userAgent === 'string' && { userAgent: context.userAgent }),
  }
  return { ...event, context: { ...context, classification: classify(facts) } }
}

function judged({ ip, userAgent, ...facts }: Facts, classification: Classification): Judged {
  return {
    classification,
    engagement: { ...given(facts), ...(userAgent === '' && { userAgent }) },
    ...(ip !== undefined && { ip }),
    ...(userAgent && { userAgent }),
  }
}

/** Without what is undefined: it could not be told from what is there once it was stored. */
export function given<Fields extends object>(fields: Fields): Fields {
  return Object.fromEntries(
    Object.entries(fields).filter(([, value]) => value !== undefined),
  ) as Fields
}

function digest(text: string): string {
  return createHash('sha256').update(text).digest('base64url').slice(0, 12)
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
