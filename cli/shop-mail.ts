/** What happens to the shop's emails, and who did it. */
export interface MailEvent {
  readonly event: 'Email Delivered' | 'Email Opened' | 'Email Link Clicked'
  readonly user: number
  readonly properties: Readonly<Record<string, unknown>>
  readonly context: Readonly<Record<string, unknown>>
}

interface Mail {
  readonly user: number
  readonly id: string
  readonly campaign: string
  opened: boolean
}

export interface ShopMailOptions {
  readonly seed: number
  /** From 0 to below 1, by the shop's seed. */
  readonly random: () => number
  /** Draws a customer. */
  readonly drawUser: () => number
}

/** Emails that may still be opened, or their links clicked; when there are more, the next thing happens to one of them. */
const MAILS_MAX = 200
const CAMPAIGNS = ['Weekly news', 'Back in stock', 'Your cart', 'Autumn sale']
/** Of 100 opens so many are by a human; the rest is by mail programs that fetch ahead, and proxies, and scanners. */
const VERDICTS = [
  ['human', 55],
  ['prefetch', 20],
  ['proxy', 15],
  ['scanner', 10],
] as const
const CLICKS_AFTER_OPEN = 0.35
/** In whose ruleset nobody has judged: the shop makes its verdicts up. */
const RULESET = 'made-up'

/** The emails of a made-up shop: each is delivered, some are opened, by somebody or by a machine, and some clicked. */
export class ShopMail {
  readonly #options: ShopMailOptions
  readonly #mails: Mail[] = []

  constructor(options: ShopMailOptions) {
    this.#options = options
  }

  /** The next thing that happens to one; `number`: of the event. */
  next(number: number): MailEvent {
    const full = this.#mails.length >= MAILS_MAX
    if (!full && (this.#mails.length < MAILS_MAX / 4 || this.#options.random() < 0.45))
      return this.#deliver(number)
    const at = this.#below(this.#mails.length)
    const mail = this.#mails[at]
    if (mail === undefined) return this.#deliver(number)
    if (mail.opened) {
      this.#mails.splice(at, 1)
      return this.#happens('Email Link Clicked', mail, 'human')
    }
    const verdict = this.#drawVerdict()
    mail.opened = verdict === 'human' && this.#options.random() < CLICKS_AFTER_OPEN
    if (!mail.opened) this.#mails.splice(at, 1)
    return this.#happens('Email Opened', mail, verdict)
  }

  #deliver(number: number): MailEvent {
    const { seed, drawUser } = this.#options
    const campaign = CAMPAIGNS[this.#below(CAMPAIGNS.length)] ?? ''
    const mail = { user: drawUser(), id: `mail-${seed}-${number}`, campaign, opened: false }
    this.#mails.push(mail)
    return this.#happens('Email Delivered', mail)
  }

  #happens(event: MailEvent['event'], { user, id, campaign }: Mail, verdict?: string): MailEvent {
    const clicked = event === 'Email Link Clicked' && { link_url: 'https://shop.example/sale' }
    const classification = { verdict, reasons: [], ruleset: RULESET }
    return {
      ...{ event, user },
      properties: { email_id: id, campaign_name: campaign, ...clicked },
      context: verdict === undefined ? {} : { classification },
    }
  }

  #drawVerdict(): string {
    let left = this.#options.random() * 100
    for (const [verdict, share] of VERDICTS) {
      if (left < share) return verdict
      left -= share
    }
    return 'human'
  }

  #below(count: number): number {
    return Math.floor(this.#options.random() * count)
  }
}
