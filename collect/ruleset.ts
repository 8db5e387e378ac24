import { BlockList, isIP } from 'node:net'

/**
 * `proxy`: a mailbox provider's image proxy fetched it when the mail was opened, so nothing is known of the device;
 * `prefetch`: it was fetched before anybody looked; `scanner`: something that checks mails for harm.
 */
export type Verdict = 'human' | 'proxy' | 'prefetch' | 'scanner'

/** Rules as data: whoever keeps the facts can judge with any version of them. */
export interface Ruleset {
  /** Names these rules for ever: other rules have another id. Letters, digits, `.`, `-`, `_`; at most 64. */
  readonly id: string
  /** In order: the first that applies decides. */
  readonly rules: readonly Rule[]
}

export interface Rule {
  readonly verdict: Verdict
  /** snake_case, at most 64 characters. */
  readonly reason: string
  /** Where this is known from. */
  readonly source: string
  readonly when: Conditions
}

/** All that are given must hold. */
export interface Conditions {
  readonly kind?: 'open' | 'click'
  readonly methods?: readonly string[]
  /** A regular expression, case ignored, that the user agent matches. */
  readonly userAgent?: string
  /** One that it does not match. */
  readonly userAgentNot?: string
  /** The request came without any. */
  readonly noUserAgent?: true
  /** The library isbot knows the user agent as a robot's. */
  readonly bot?: true
  /** CIDRs. */
  readonly networks?: readonly string[]
  /** What the provider says itself. */
  readonly flags?: readonly string[]
  readonly honeypot?: true
  /** Different links of the message clicked within ten seconds. */
  readonly linksAtLeast?: number
  /** Also what came before the message was delivered: a gateway reads it while it is still being handed over. */
  readonly sinceDeliveryMsAtMost?: number
}

/** Rules that cannot be used; the message says what and where, and is for the person who wrote them. */
export class BadRuleset extends Error {
  override readonly name = 'BadRuleset'
  readonly code = 'bad_ruleset'
}

const RULES_MAX = 500
const LIST_MAX = 5_000
const TEXT_CHARS_MAX = 2_000
const VERDICTS = ['human', 'proxy', 'prefetch', 'scanner']

type Check = (value: unknown, path: string) => void

const text: Check = (value, path) => {
  if (typeof value !== 'string' || value === '' || value.length > TEXT_CHARS_MAX)
    fail(path, `a text of 1 to ${TEXT_CHARS_MAX} characters`, value)
}
const regex: Check = (value, path) => {
  text(value, path)
  try {
    new RegExp(String(value), 'i')
  } catch (error) {
    fail(path, `a regular expression (${(error as Error).message})`, value)
  }
}
const texts: Check = (value, path) => {
  if (!Array.isArray(value) || value.length === 0 || value.length > LIST_MAX)
    fail(path, `a list of 1 to ${LIST_MAX} texts`, value)
  for (const [at, each] of (value as unknown[]).entries()) text(each, `${path}[${at}]`)
}
const yes: Check = (value, path) => {
  if (value !== true) fail(path, 'true, or nothing', value)
}
const whole: Check = (value, path) => {
  if (!Number.isSafeInteger(value) || Number(value) < 0) fail(path, 'a whole number from 0', value)
}

const CONDITIONS: { readonly [Name in keyof Required<Conditions>]: Check } = {
  kind: (value, path) => oneOf(['open', 'click'], value, path),
  methods: texts,
  userAgent: regex,
  userAgentNot: regex,
  noUserAgent: yes,
  bot: yes,
  networks(value, path) {
    texts(value, path)
    networksOf(value as string[], path)
  },
  flags: texts,
  honeypot: yes,
  linksAtLeast: whole,
  sinceDeliveryMsAtMost: whole,
}

/** Rules from a file's JSON. Throws a `BadRuleset` that names the place, as `rules[2].when.networks`. */
export function parseRuleset(value: unknown): Ruleset {
  const { id, rules } = fields(value, 'the ruleset', ['id', 'rules'])
  if (typeof id !== 'string' || !/^[\w.-]{1,64}$/.test(id))
    fail('id', 'at most 64 letters, digits, ".", "-" and "_", such as 2026-11', id)
  if (!Array.isArray(rules) || rules.length > RULES_MAX)
    fail('rules', `a list of at most ${RULES_MAX} rules`, rules)
  for (const [at, rule] of (rules as unknown[]).entries()) checkRule(rule, `rules[${at}]`)
  return value as Ruleset
}

/** @throws BadRuleset where a network is no CIDR */
export function networksOf(networks: readonly string[], path = 'networks'): BlockList {
  const list = new BlockList()
  for (const network of networks) {
    const [address = '', bits = ''] = network.split('/')
    const family = isIP(address)
    if (family === 0 || !/^\d{1,3}$/.test(bits) || Number(bits) > (family === 6 ? 128 : 32))
      fail(path, 'networks such as 17.0.0.0/8', network)
    list.addSubnet(address, Number(bits), family === 6 ? 'ipv6' : 'ipv4')
  }
  return list
}

function checkRule(value: unknown, path: string): void {
  const rule = fields(value, path, ['verdict', 'reason', 'source', 'when'])
  oneOf(VERDICTS, rule.verdict, `${path}.verdict`)
  if (typeof rule.reason !== 'string' || !/^[a-z0-9_]{1,64}$/.test(rule.reason))
    fail(`${path}.reason`, 'snake_case of at most 64 characters', rule.reason)
  text(rule.source, `${path}.source`)
  const when = fields(rule.when, `${path}.when`, Object.keys(CONDITIONS))
  if (Object.keys(when).length === 0) fail(`${path}.when`, 'at least one condition', when)
  for (const [name, condition] of Object.entries(when))
    CONDITIONS[name as keyof Conditions](condition, `${path}.when.${name}`)
}

function oneOf(known: readonly string[], value: unknown, path: string): void {
  if (!known.some(each => each === value)) fail(path, `one of ${known.join(', ')}`, value)
}

function fields(value: unknown, path: string, names: readonly string[]): Record<string, unknown> {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    return fail(path, `an object with ${names.join(', ')}`, value)
  const unknown = Object.keys(value).find(name => !names.includes(name))
  if (unknown !== undefined) fail(path, `only ${names.join(', ')}`, unknown)
  return value as Record<string, unknown>
}

function fail(path: string, expected: string, found: unknown): never {
  const shown = JSON.stringify(found)?.slice(0, 80) ?? 'nothing'
  throw new BadRuleset(`${path}: expected ${expected}, found ${shown}`)
}
