import { type BlockList, isIP } from 'node:net'
import { isbot } from 'isbot'
import { type Conditions, networksOf, type Ruleset, type Verdict } from './ruleset.ts'

/**
 * All that a verdict rests on. It is kept on the event (`context.engagement`, without what `context.ip` and
 * `context.userAgent` hold already), so that other rules can judge it again. What is not known is left out.
 */
export interface Facts {
  readonly kind: 'open' | 'click'
  /** Of the request; a provider's webhook does not tell it. */
  readonly method?: string | undefined
  /** '' where the request had none. */
  readonly userAgent?: string | undefined
  readonly ip?: string | undefined
  /** When the message reached the recipient's server, epoch ms. */
  readonly deliveredAt?: number | undefined
  /** When it was opened or clicked, epoch ms. */
  readonly at: number
  /** Different links of the message that were clicked within ten seconds of this click, this one included, as far as it was known. */
  readonly linksInLastSeconds?: number | undefined
  /** The link was one that no human sees. */
  readonly honeypot?: boolean | undefined
  /** What the provider itself says of it, such as `sendgrid:machine_open`. */
  readonly flags?: readonly string[] | undefined
}

/** Goes into `context.classification`; jobs count what has the verdict `human`. */
export interface Classification {
  readonly verdict: Verdict
  /** The reasons of all rules that apply, the one that decided first; none where no rule does. */
  readonly reasons: string[]
  /** Id of the ruleset that judged. */
  readonly ruleset: string
}

export type Classify = (facts: Facts) => Classification

const userAgentCharsMax = 1_000

/**
 * Who opened or clicked: a human, or one of the machines that do so in his place or behind his back. Pure: the same
 * facts and the same rules give the same verdict. The first rule that applies decides; where none does it was a human.
 */
export function classifier({ id, rules }: Ruleset): Classify {
  const tests = rules.map(({ verdict, reason, when }) => ({ verdict, reason, test: testOf(when) }))
  return facts => {
    const applying = tests.filter(({ test }) => test(facts))
    return {
      verdict: applying[0]?.verdict ?? 'human',
      reasons: [...new Set(applying.map(({ reason }) => reason))],
      ruleset: id,
    }
  }
}

/** Every condition that is given must hold; what is not known fulfils none. */
function testOf(when: Conditions): (facts: Facts) => boolean {
  const tests: ((facts: Facts) => boolean)[] = []
  const { kind, methods, userAgent, userAgentNot, noUserAgent, networks, flags } = when
  if (kind !== undefined) tests.push(facts => facts.kind === kind)
  if (methods !== undefined)
    tests.push(({ method }) => method !== undefined && methods.includes(method))
  if (noUserAgent) tests.push(facts => facts.userAgent?.trim() === '')
  if (userAgent !== undefined) tests.push(agentTest(userAgent, true))
  if (userAgentNot !== undefined) tests.push(agentTest(userAgentNot, false))
  if (when.bot) tests.push(({ userAgent = '' }) => isbot(userAgent.slice(0, userAgentCharsMax)))
  if (networks !== undefined) {
    const list = networksOf(networks)
    tests.push(({ ip }) => ip !== undefined && within(list, ip))
  }
  if (flags !== undefined)
    tests.push(facts => flags.some(flag => facts.flags?.includes(flag) === true))
  if (when.honeypot) tests.push(facts => facts.honeypot === true)
  const { linksAtLeast, sinceDeliveryMsAtMost } = when
  if (linksAtLeast !== undefined)
    tests.push(({ linksInLastSeconds = 0 }) => linksInLastSeconds >= linksAtLeast)
  if (sinceDeliveryMsAtMost !== undefined)
    tests.push(
      ({ at, deliveredAt }) =>
        deliveredAt !== undefined && at - deliveredAt <= sinceDeliveryMsAtMost,
    )
  return facts => tests.every(test => test(facts))
}

function agentTest(pattern: string, wanted: boolean): (facts: Facts) => boolean {
  const regex = new RegExp(pattern, 'i')
  return ({ userAgent }) =>
    userAgent !== undefined && regex.test(userAgent.slice(0, userAgentCharsMax)) === wanted
}

function within(list: BlockList, ip: string): boolean {
  const family = isIP(ip)
  return family !== 0 && list.check(ip, family === 6 ? 'ipv6' : 'ipv4')
}
