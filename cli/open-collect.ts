import { addressesOf } from '../collect/address.ts'
import { createJudge } from '../collect/judge.ts'
import type { Plan } from '../collect/plan.ts'
import { type KeptBy, openSink } from '../collect/producing-sink.ts'
import type { Ruleset } from '../collect/ruleset.ts'
import { type Collect, startCollect } from '../collect/server.ts'
import { collectTopics } from '../collect/topics.ts'
import type { WebhookEntry } from '../collect/webhook-file.ts'
import type { Protection } from '../http/protection.ts'
import type { Tokens } from '../http/tokens.ts'
import type { Clock } from '../runtime/clock.ts'
import { type Log, LogDenied, type Topics } from '../runtime/log.ts'
import type { Telemetry } from '../runtime/telemetry.ts'
import type { Logger } from './logger.ts'
import { UserError } from './user-error.ts'

export interface OpenCollectOptions {
  readonly log: Log
  /** Of events; those that are not taken go to `<topic>.rejected`. */
  readonly topic: string
  /** Whether the topic of events is made if it is missing; its `.rejected` always is. */
  readonly createTopics: boolean
  readonly partitions: number
  readonly replication: number
  /** `<data>/collect/<instance>`. */
  readonly folder: string
  readonly spoolBytesMax: number
  /** What an event is answered after; the brokers when left out. */
  readonly keptBy?: KeptBy
  readonly host: string
  readonly port: number
  readonly eventBytesMax: number
  readonly batchBytesMax: number
  readonly keepIp: boolean
  readonly publicUrl?: string
  /** Email providers' webhooks. */
  readonly webhookEntries?: readonly WebhookEntry[]
  /** Of who opened or clicked; the newest when left out. */
  readonly ruleset?: Ruleset
  /** The tracking plan. */
  readonly plan?: Plan
  readonly protection: Protection
  readonly tokens: Tokens
  readonly addressSecret: Uint8Array
  readonly clock: Clock
  readonly logger: Logger
  readonly telemetry: Telemetry
  /** The brokers are there, and the topic of events is not: end the process. */
  readonly failed: (error: unknown) => void
}

type BrokerTopics = Pick<Topics, 'create' | 'describe'>

/** Opens the sink, then the server before it. Rejects with what either rejects with. */
export async function openCollect(options: OpenCollectOptions): Promise<Collect> {
  const { log, topic, createTopics, addressSecret, failed } = options
  const letIn = untilLetIn(log.topics, failed)
  const topics = createTopics ? letIn : existing(letIn, topic, failed)
  const sink = await openSink({
    ...options,
    log: { topics, producer: () => log.producer() },
    topics: collectTopics(topic, options),
  })
  try {
    const addresses = addressesOf(addressSecret)
    const { webhookEntries: webhooks, ruleset } = options
    return await startCollect({
      ...{ ...options, sink, addresses, judge: createJudge(ruleset) },
      ...(webhooks !== undefined && { webhooks: { webhooks, addresses } }),
    })
  } catch (error) {
    await sink.close()
    throw error
  }
}

/**
 * A login or a certificate that is wrong from the start is for a person to mend, and the first events are no time to
 * find that out. Later on it may be the brokers' own change: events are spooled then, and the log says why.
 */
function untilLetIn(topics: BrokerTopics, failed: (error: unknown) => void): BrokerTopics {
  let isIn = false
  const asked = async <Answer>(asking: Promise<Answer>): Promise<Answer> => {
    try {
      const answer = await asking
      isIn = true
      return answer
    } catch (error) {
      if (!isIn && error instanceof LogDenied) failed(error)
      throw error
    }
  }
  return {
    create: specs => asked(topics.create(specs)),
    describe: topic => asked(topics.describe(topic)),
  }
}

/** How many partitions events have cannot be changed later, so that they are not made by the way. */
function existing(
  topics: BrokerTopics,
  events: string,
  failed: (error: unknown) => void,
): BrokerTopics {
  return {
    async create(specs) {
      if ((await topics.describe(events)) === undefined) {
        const message = `topic ${events} does not exist: create it, or start with --create-topics`
        failed(new UserError('unknown_topic', message))
      }
      await topics.create(specs.filter(({ topic }) => topic !== events))
    },
    describe: topic => topics.describe(topic),
  }
}
