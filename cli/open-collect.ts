import { addressesOf } from '../collect/address.ts'
import { createJudge } from '../collect/judge.ts'
import type { Plan } from '../collect/plan.ts'
import { openSink } from '../collect/producing-sink.ts'
import type { Ruleset } from '../collect/ruleset.ts'
import { type Collect, startCollect } from '../collect/server.ts'
import { collectTopics } from '../collect/topics.ts'
import type { WebhookEntry } from '../collect/webhook-file.ts'
import type { Protection } from '../http/protection.ts'
import type { Tokens } from '../http/tokens.ts'
import type { Clock } from '../runtime/clock.ts'
import type { Log, Topics } from '../runtime/log.ts'
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

/** Opens the sink, then the server before it. Rejects with what either rejects with. */
export async function openCollect(options: OpenCollectOptions): Promise<Collect> {
  const { log, topic, createTopics, addressSecret, failed } = options
  const topics = createTopics ? log.topics : existing(log.topics, topic, failed)
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

/** How many partitions events have cannot be changed later, so that they are not made by the way. */
function existing(
  topics: Topics,
  events: string,
  failed: (error: unknown) => void,
): Pick<Topics, 'create' | 'describe'> {
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
