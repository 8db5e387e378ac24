import {
  CollectClient,
  type CollectClientOptions,
  CollectError,
} from '../collect/collect-client.ts'
import { inBatches } from '../collect/row-batches.ts'
import type { OutgoingRecord } from '../protocol/record-batch.ts'
import type { Clock } from '../runtime/clock.ts'
import type { Append, Log, Producer } from '../runtime/log.ts'
import type { ErasedList } from './erased-list.ts'
import type { Logger } from './logger.ts'
import { isErasedInFile } from './past-identities.ts'
import { type ReplayedEvent, replayFile } from './replay.ts'
import { Shop, type ShopEvent } from './shop.ts'
import { pumpShop } from './shop-pump.ts'

export interface FeedOptions {
  readonly log: Pick<Log, 'topics' | 'producer'>
  readonly topic: string
  /** A file of events, or `undefined` for the made-up shop. */
  readonly file: string | undefined
  /** How many records of the file each partition has already. */
  readonly fedBefore: () => Promise<number[]>
  /** Who was erased from the topic: a file's events of them from before are left out. */
  readonly erased: () => Promise<ErasedList>
  /** Where the shop's events go. */
  readonly door: Pick<CollectClientOptions, 'url' | 'writeKey'>
  readonly eventsPerSecond: number
  readonly clock: Clock
  readonly logger: Pick<Logger, 'warn'>
  readonly signal: AbortSignal
  /** Called once, with a user who has events. */
  readonly onUser: (user: string) => void
}

const SEED = 1
const LAST_ANSWER_MS = 5_000

/**
 * Sends events until the signal aborts or the file ends: the shop's through the door for events, a file's straight to
 * the topic. It goes on where an earlier feed of the same kind ended, however that ended.
 */
export async function feed(options: FeedOptions): Promise<void> {
  const { log, topic, file, logger, signal, onUser } = options
  const ends = (await log.topics.ranges(topic)).map(({ end }) => Number(end))
  if (file === undefined) {
    // As many events are there at least as the shop has sent, so that its numbers are new.
    const shop = new Shop({ seed: SEED, first: ends.reduce((sum, end) => sum + end, 0) })
    return feedShop(shop, options)
  }
  const before = await options.fedBefore()
  const erased = await options.erased()
  const isErased = (event: ReplayedEvent) => isErasedInFile(erased, event, options.clock.now())
  const producer = log.producer()
  try {
    const onBadLine = (line: number, reason: string) =>
      logger.warn({ file, line, reason }, 'left out a line that is no event')
    await replayFile(file, {
      ...{ topic, partitions: ends.length, onBadLine, signal },
      producer: noticing(resuming(leavingOut(producer, isErased), before), onUser),
    })
  } finally {
    await producer.close()
  }
}

async function feedShop(shop: Shop, options: FeedOptions): Promise<void> {
  const { door, clock, logger, signal, eventsPerSecond, onUser } = options
  const giveUp = new AbortController()
  const over = new AbortController()
  // The last request is to be answered, so that the next start knows what came in.
  const onAbort = () => void clock.sleep(LAST_ANSWER_MS, over.signal).then(() => giveUp.abort())
  signal.addEventListener('abort', onAbort, { once: true })
  const onTrouble = (reason: string) => {
    if (!signal.aborted) logger.warn({ reason }, "the shop's events are not taken, and wait")
    else giveUp.abort()
  }
  const client = new CollectClient({ ...door, clock, signal: giveUp.signal, onTrouble })
  let told = false
  const send = async (events: readonly ShopEvent[]) => {
    for (const { body } of inBatches(events, 'events')) await client.send('/v1/events', body)
    if (!told && events[0] !== undefined) onUser(events[0].userId)
    told = true
  }
  try {
    await pumpShop({ shop, send, eventsPerSecond, clock, signal })
  } catch (error) {
    if (!(error instanceof CollectError) || error.code !== 'interrupted') throw error
  } finally {
    over.abort()
    client.close()
  }
}

/**
 * Leaves out the first so many records of each partition, those that an earlier run has sent. A file's records come
 * to each partition in the same order every time, so this is exact, also where a run died in the middle of a send.
 */
export function resuming(producer: Producer, already: readonly number[]): Producer {
  const left = [...already]
  return {
    async send(appends: readonly Append[]) {
      const rest = appends.map(append => {
        const skipped = Math.min(left[append.partition] ?? 0, append.records.length)
        left[append.partition] = (left[append.partition] ?? 0) - skipped
        return { ...append, records: append.records.slice(skipped) }
      })
      const filled = rest.filter(({ records }) => records.length > 0)
      return filled.length > 0 ? producer.send(filled) : []
    },
    close: () => producer.close(),
  }
}

/** In the place of an event of an erased user: a later start counts the file's records, wherever the list stood then. */
export const leftOut: OutgoingRecord = { key: null, value: '{"leftOut":"its user was erased"}' }

function leavingOut(producer: Producer, isErased: (event: ReplayedEvent) => boolean): Producer {
  const isOut = ({ key, value }: OutgoingRecord) =>
    typeof key === 'string' && typeof value === 'string' && isErased({ key, value })
  return {
    send: (appends: readonly Append[]) =>
      producer.send(
        appends.map(append => ({
          ...append,
          records: append.records.map(record => (isOut(record) ? leftOut : record)),
        })),
      ),
    close: () => producer.close(),
  }
}

/** Tells the first key that passes through. */
function noticing(producer: Producer, onUser: (user: string) => void): Producer {
  let told = false
  return {
    async send(appends: readonly Append[]) {
      const offsets = await producer.send(appends)
      const key = appends.flatMap(({ records }) => records).find(record => record.key !== null)?.key
      if (!told && key !== undefined && key !== null) {
        told = true
        onUser(typeof key === 'string' ? key : Buffer.from(key).toString('utf8'))
      }
      return offsets
    },
    close: () => producer.close(),
  }
}
