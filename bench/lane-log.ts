import { encodeRecordBatch } from '../protocol/record-batch.ts'
import type { Clock } from '../runtime/clock.ts'
import {
  type Append,
  type Committed,
  type Log,
  LogError,
  nextOffset,
  type Offset,
  offset,
  type PackedAppend,
  type Transaction,
} from '../runtime/log.ts'

const PRODUCER = { producerId: 1, producerEpoch: 0, baseSequence: 0 }

/**
 * A log without a broker, for one lane that takes over each task once: nothing was ever committed, every transaction
 * succeeds at once, and what is sent is sealed as on its way to a broker and then let go.
 */
export function laneLog(clock: Clock, partitions: number): Log {
  const ends = new Map<string, number>()

  const send = async (appends: readonly (Append | PackedAppend)[]): Promise<Offset[]> =>
    appends.map(({ topic, partition, records }) => {
      encodeRecordBatch(records, { now: clock.now(), transactional: true, ...PRODUCER })
      const place = `${topic}/${partition}`
      const base = ends.get(place) ?? 0
      ends.set(place, base + records.length)
      return offset(base)
    })
  const transaction = (): Transaction => ({ send, sendOffsets: done, commit: done, abort: done })
  const range = { start: nextOffset(0), end: nextOffset(0) }

  return {
    topics: {
      create: done,
      describe: async topic => ({ topic, partitions, config: {} }),
      describeAll: async topics => topics.map(topic => ({ topic, partitions, config: {} })),
      names: async () => [],
      counts: async () => new Map(),
      ranges: async () => Array.from({ length: partitions }, () => range),
    },
    reader: () => {
      throw new LogError('refused', 'there is nothing to read')
    },
    membership: () => {
      throw new LogError('refused', 'there is no group')
    },
    transactor: () => ({ fence: done, begin: transaction, opened: done, close: done }),
    producer: () => ({ send, close: done }),
    committed: async (_group, _topic, asked): Promise<(Committed | undefined)[]> =>
      asked.map(() => undefined),
    close: done,
  }
}

const done = async (): Promise<void> => undefined
