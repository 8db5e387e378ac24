import type { BatchHeader } from '../protocol/record-batch.ts'
import { KafkaError } from './kafka-error.ts'

/** As many of a producer's batches are recognised when they come again as an idempotent producer may have in flight. */
const REMEMBERED_BATCHES = 5
const SEQUENCE_MAX = 0x7fffffff

interface SeenBatch {
  readonly baseSequence: number
  readonly lastSequence: number
  readonly baseOffset: number
  readonly appendedAt: number
}

interface ProducerEntry {
  epoch: number
  batches: SeenBatch[]
  /** Of its open transaction in this partition. */
  firstOffset: number | undefined
  lastSeenAt: number
}

export type SavedProducers = readonly (readonly [producerId: number, entry: ProducerEntry])[]

/**
 * What one partition knows of the producers that write to it: the newest sequence numbers of idempotent ones and
 * the open transactions. It is rebuilt from the log's batches, or from what was saved beside a segment and the
 * batches after it. Rules as in Kafka's `ProducerStateManager` and `ProducerAppendInfo`.
 */
export class ProducerState {
  private readonly producers = new Map<number, ProducerEntry>()
  /** Producer ids with an open transaction, by its first offset: the first is the oldest. */
  private readonly open = new Map<number, number>()

  /** The oldest offset that belongs to an open transaction. */
  get firstOpenOffset(): number | undefined {
    return this.open.values().next().value
  }

  isOpen(producerId: number): boolean {
    return this.open.has(producerId)
  }

  /**
   * Where an equal batch was appended before, or undefined for a batch that may be appended.
   * Throws INVALID_PRODUCER_EPOCH for an older owner, OUT_OF_ORDER_SEQUENCE_NUMBER for a gap or an old sequence.
   */
  check(header: BatchHeader): SeenBatch | undefined {
    const { producerId, producerEpoch, baseSequence } = header
    const entry = this.producers.get(producerId)
    if (entry === undefined) return undefined
    if (producerEpoch < entry.epoch) {
      const message = `producer ${producerId} has epoch ${entry.epoch}, not ${producerEpoch}`
      throw new KafkaError('INVALID_PRODUCER_EPOCH', message)
    }
    if (producerEpoch > entry.epoch) {
      if (baseSequence === 0) return undefined
      throw outOfOrder(header, 0)
    }
    const lastSequence = lastSequenceOf(header)
    const seen = entry.batches.find(
      batch => batch.baseSequence === baseSequence && batch.lastSequence === lastSequence,
    )
    if (seen !== undefined) return seen
    const newest = entry.batches.at(-1)?.lastSequence ?? -1
    const expected = newest === SEQUENCE_MAX ? 0 : newest + 1
    if (baseSequence !== expected) throw outOfOrder(header, expected)
    return undefined
  }

  /** Takes in a batch of data, as it was appended. */
  appended(header: BatchHeader, now: number): void {
    const { producerId, producerEpoch, baseSequence, baseOffset } = header
    if (producerId < 0) return
    const entry = this.entry(producerId, producerEpoch)
    entry.lastSeenAt = now
    if (baseSequence >= 0) {
      const lastSequence = lastSequenceOf(header)
      entry.batches.push({
        baseSequence,
        lastSequence,
        baseOffset,
        appendedAt: header.maxTimestamp,
      })
      if (entry.batches.length > REMEMBERED_BATCHES) entry.batches.shift()
    }
    if (header.transactional && entry.firstOffset === undefined) {
      entry.firstOffset = baseOffset
      this.open.set(producerId, baseOffset)
    }
  }

  /** Takes in a marker. The first offset of the transaction that it ended here, if it ended one. */
  ended(header: BatchHeader, now: number): number | undefined {
    const entry = this.entry(header.producerId, header.producerEpoch)
    const { firstOffset } = entry
    entry.firstOffset = undefined
    entry.lastSeenAt = now
    this.open.delete(header.producerId)
    return firstOffset
  }

  /** Throws INVALID_PRODUCER_EPOCH for a marker of an older owner. */
  checkMarker(producerId: number, epoch: number): void {
    const entry = this.producers.get(producerId)
    if (entry === undefined || epoch >= entry.epoch) return
    const message = `producer ${producerId} has epoch ${entry.epoch}, its marker ${epoch}`
    throw new KafkaError('INVALID_PRODUCER_EPOCH', message)
  }

  /** Forgets producers that were not seen since `time` and have nothing open. */
  expire(time: number): void {
    for (const [producerId, entry] of this.producers) {
      if (entry.lastSeenAt < time && entry.firstOffset === undefined)
        this.producers.delete(producerId)
    }
  }

  save(): SavedProducers {
    // Copies: entries go on changing while this is written.
    return [...this.producers].map(([id, entry]) => [id, { ...entry, batches: [...entry.batches] }])
  }

  load(saved: SavedProducers): void {
    this.producers.clear()
    this.open.clear()
    for (const [producerId, entry] of saved)
      this.producers.set(producerId, { ...entry, batches: [...entry.batches] })
    const open = saved.flatMap(([producerId, { firstOffset }]) =>
      firstOffset === undefined ? [] : [{ producerId, firstOffset }],
    )
    open.sort((a, b) => a.firstOffset - b.firstOffset)
    for (const { producerId, firstOffset } of open) this.open.set(producerId, firstOffset)
  }

  private entry(producerId: number, epoch: number): ProducerEntry {
    const known = this.producers.get(producerId)
    if (known?.epoch === epoch) return known
    const entry = { epoch, batches: [], firstOffset: known?.firstOffset, lastSeenAt: 0 }
    this.producers.set(producerId, entry)
    return entry
  }
}

function lastSequenceOf({ baseSequence, baseOffset, lastOffset }: BatchHeader): number {
  const last = baseSequence + (lastOffset - baseOffset)
  return last > SEQUENCE_MAX ? last - SEQUENCE_MAX - 1 : last
}

function outOfOrder(header: BatchHeader, expected: number): KafkaError {
  const { producerId, baseSequence } = header
  const message = `producer ${producerId}: expected sequence ${expected}, found ${baseSequence}`
  return new KafkaError('OUT_OF_ORDER_SEQUENCE_NUMBER', message)
}
