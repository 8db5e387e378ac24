import { type Log, nextOffset } from '../runtime/log.ts'
import { outputTopics } from '../runtime/outputs.ts'
import { rekeyedHeader } from '../runtime/rekeyed.ts'
import { type DeadLetter, deadLetter, deadRanges, keyOfLetter } from './dead-letters.ts'
import { type ErasedList, nowhere, readErasedBy } from './erased-list.ts'
import { readRange } from './read-range.ts'
import { replayOnce, type SentAgain } from './replay-once.ts'

export interface DeadReplay {
  readonly sent: number
  /** Timers have no record to send, and a payload that was cut may be gone from its topic. */
  readonly timers: number
  readonly gone: number
  /** Of users who have been erased since, which are not sent. */
  readonly erased: number
}

/** Marks a record that was sent again; its value names the dead letter. */
export const REPLAYED_HEADER = 'dead-letter'

/** Sends a job's dead letters to where they came from, each of them once, whatever dies meanwhile. */
export async function replayDeadLetters(
  log: Log,
  job: string,
  signal: AbortSignal,
): Promise<DeadReplay> {
  await deadRanges(log, job) // says so where there are none
  const lost = { timers: 0, gone: 0, erased: 0 }
  const list = await readErasedBy(log, job, signal)
  const sent = await replayOnce({
    ...{ log, topic: outputTopics(job).dead, mark: REPLAYED_HEADER, signal },
    transactionalId: partition => `${job}-dead-replay-${partition}`,
    async outgoing(record) {
      const letter = deadLetter(record)
      const again = await sentAgain(log, letter, list, signal)
      if (typeof again === 'object') return [again]
      lost[again]++
      return []
    },
  })
  return { sent, ...lost }
}

/** The record to send for the letter, or why there is none. */
async function sentAgain(
  log: Log,
  letter: DeadLetter,
  list: ErasedList,
  signal: AbortSignal,
): Promise<SentAgain | 'timers' | 'gone' | 'erased'> {
  const { origin, record, truncated } = letter
  if (origin === undefined) return 'timers'
  if (list.covers(keyOfLetter(letter), { ...nowhere, appendedAt: letter.time })) return 'erased'
  const { topic, partition } = origin
  const rekeyed = record.headers.get(rekeyedHeader)
  const headers: SentAgain['headers'] = rekeyed === undefined ? [] : [[rekeyedHeader, rekeyed]]
  if (!truncated) return { topic, partition, key: record.key, value: record.value, headers }
  const from = nextOffset(origin.offset)
  const range = { partition, from, to: nextOffset(origin.offset + 1) }
  const whole = await firstOf(readRange(log, topic, [range], signal))
  if (whole === undefined) return 'gone'
  return { topic, partition, key: whole.key, value: whole.value, headers }
}

async function firstOf<Item>(items: AsyncIterable<Item>): Promise<Item | undefined> {
  for await (const item of items) return item
  return undefined
}
