import type { Clock } from '../runtime/clock.ts'
import type { MailEvent } from './mail-event.ts'
import type { Fetch } from './sns-certificates.ts'

/** A request of a provider. */
export interface Delivery extends Head {
  /** As they came: signatures are made over these. */
  readonly body: Buffer
  /** When it came, epoch ms. */
  readonly now: number
}

/** What is there before the body. */
export interface Head {
  /** One header's value; '' where there is none. */
  header(name: string): string
  /** One parameter of the query; '' where there is none. */
  query(name: string): string
}

/** What a webhook is told by its entry in the file of webhooks. */
export interface WebhookSettings {
  /** At least one; more while a secret is being replaced. */
  readonly secrets: readonly string[]
  /** Of basic authentication. */
  readonly username?: string
  /** The URL exactly as it was given to the provider. */
  readonly url?: string
  /** ARNs of the SNS topics that may send. */
  readonly topics?: readonly string[]
  /** Name of the custom argument that has our user id. */
  readonly userIdField: string
  readonly clock: Clock
  readonly fetch: Fetch
}

/** A provider's webhook: verifies what comes, and reads it. */
export interface Webhook {
  /** Refuses what can be refused before its body was read. */
  admit?(head: Head): void
  /** Refuses a request by which the provider tries the URL; without it any is answered. */
  probe?(head: Head): void
  /**
   * Verifies, and reads what is about mails that people got. Throws `Refused`. What the provider sends beside that is
   * left out; `leftOut` counts it.
   */
  read(delivery: Delivery): Contents | Promise<Contents>
}

export interface Contents {
  readonly events: readonly MailEvent[]
  readonly leftOut: number
}

/** What is the same for all webhooks of a provider. */
export interface Provider {
  readonly name: string
  /** Settings beside the secret that an entry must have, and those that it may have. */
  readonly needs: readonly ('url' | 'topics' | 'username')[]
  readonly takes?: readonly 'username'[]
  /** It has no secret: who sends is proven by a certificate. */
  readonly secretless?: true
  /** How long it may repeat an event, ms: for so long ids are remembered. */
  readonly repeatMs: number
  /** What it is answered whose signature is wrong, so that it does not ask again where it listens to that. */
  readonly refusedStatus: 401 | 403 | 406
  /** What it is answered that we cannot keep now, so that it comes again, and soon. */
  readonly troubleStatus: 429 | 503
  /** Methods with which it tries the URL before it sends anything. */
  readonly probes?: readonly ('GET' | 'HEAD')[]
  open(settings: WebhookSettings): Webhook
}

export type RefusalCode =
  | 'no_signature'
  | 'bad_signature'
  | 'too_old'
  | 'too_new'
  | 'other_topic'
  | 'not_readable'

/** A request that is not let in. The message is for whoever sets the webhook up, and repeats nothing that came. */
export class Refused extends Error {
  override readonly name = 'Refused'
  readonly code: RefusalCode

  constructor(code: RefusalCode, message: string) {
    super(message)
    this.code = code
  }
}
