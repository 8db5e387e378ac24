import type { OutgoingRecord } from '../../protocol/record-batch.ts'
import { type Committed, LogError } from '../../runtime/log.ts'
import type { Random } from './random.ts'
import type { Scheduler } from './scheduler.ts'
import type { SimPartition, Writer } from './sim-partition.ts'

/**
 * empty ──append, addOffsets──▶ ongoing ──end, fence, time-out──▶ ending ──markers written──▶ empty
 */
interface Transactional {
  readonly id: string
  readonly producerId: number
  epoch: number
  timeoutMs: number
  state: 'empty' | 'ongoing' | 'ending'
  readonly partitions: Set<SimPartition>
  readonly offsets: Map<string, Committed>
  cancelTimeout: (() => void) | undefined
}

export type OffsetKey = string & { readonly [offsetKeyBrand]: 'OffsetKey' }
declare const offsetKeyBrand: unique symbol
export const offsetKey = (group: string, topic: string, partition: number): OffsetKey =>
  `${group} ${topic} ${partition}` as OffsetKey

/**
 * The transaction coordinator (KIP-98): epochs, fencing, time-outs. The end of a transaction is answered when
 * it is decided; its markers reach the partitions and the offsets a little later, each at its own time, as in
 * Kafka. Until then the next transaction of the same id waits (CONCURRENT_TRANSACTIONS, asked again inside).
 */
export class SimTransactions {
  /** Committed offsets by `offsetKey`. */
  readonly committed = new Map<string, Committed>()
  private readonly ids = new Map<string, Transactional>()
  private readonly scheduler: Scheduler
  private readonly random: Random
  private nextProducerId = 1_000

  constructor(scheduler: Scheduler, random: Random) {
    this.scheduler = scheduler
    this.random = random
  }

  /** `initProducerId`: aborts what is open, shuts older owners out, and answers when that is whole. */
  async fence(id: string, timeoutMs: number): Promise<Writer> {
    const known = this.ids.get(id)
    if (!known) {
      const created = this.create(id, timeoutMs)
      return { producerId: created.producerId, producerEpoch: created.epoch }
    }
    known.epoch++
    const producerEpoch = known.epoch
    known.timeoutMs = timeoutMs
    if (known.state === 'ongoing') this.end(known, 'abort')
    await this.settled(known)
    return { producerId: known.producerId, producerEpoch }
  }

  async append(
    id: string,
    writer: Writer,
    appends: readonly { partition: SimPartition; records: readonly OutgoingRecord[] }[],
  ): Promise<number[]> {
    const owned = await this.ongoing(id, writer)
    return appends.map(({ partition, records }) => {
      owned.partitions.add(partition)
      return partition.append(records, this.scheduler.now, writer)
    })
  }

  async addOffsets(
    id: string,
    writer: Writer,
    key: OffsetKey,
    committed: Committed,
  ): Promise<void> {
    const owned = await this.ongoing(id, writer)
    owned.offsets.set(key, committed)
  }

  async endTransaction(id: string, writer: Writer, type: 'commit' | 'abort'): Promise<void> {
    const owned = this.check(id, writer)
    if (owned.state === 'ongoing') this.end(owned, type)
    else if (owned.state === 'empty') {
      throw new LogError('ambiguous', `${type} of ${id}: it has no transaction open`)
    }
  }

  /** What the coordinator does by itself when an open transaction has become too old. */
  timeOut(id: string): void {
    const known = this.ids.get(id)
    if (known?.state !== 'ongoing') return
    known.epoch++
    this.end(known, 'abort')
  }

  /** True when no transaction is open or ending. */
  get quiet(): boolean {
    return [...this.ids.values()].every(({ state }) => state === 'empty')
  }

  private create(id: string, timeoutMs: number): Transactional {
    const created: Transactional = {
      id,
      producerId: this.nextProducerId++,
      epoch: 0,
      timeoutMs,
      state: 'empty',
      partitions: new Set(),
      offsets: new Map(),
      cancelTimeout: undefined,
    }
    this.ids.set(id, created)
    return created
  }

  private check(id: string, { producerId, producerEpoch }: Writer): Transactional {
    const known = this.ids.get(id)
    if (known?.producerId !== producerId) {
      throw new LogError('fenced', `${id}: unknown producer id ${producerId}`)
    }
    if (known.epoch !== producerEpoch) {
      throw new LogError('fenced', `${id}: epoch is ${known.epoch}, this owner's ${producerEpoch}`)
    }
    return known
  }

  private async ongoing(id: string, writer: Writer): Promise<Transactional> {
    const owned = this.check(id, writer)
    await this.settled(owned)
    this.check(id, writer)
    if (owned.state === 'empty') {
      owned.state = 'ongoing'
      owned.cancelTimeout = this.scheduler.after(owned.timeoutMs, () => this.timeOut(id))
    }
    return owned
  }

  private async settled(owned: Transactional): Promise<void> {
    while (owned.state === 'ending') await this.scheduler.sleep(1)
  }

  private end(owned: Transactional, type: 'commit' | 'abort'): void {
    owned.state = 'ending'
    owned.cancelTimeout?.()
    const writer = { producerId: owned.producerId, producerEpoch: owned.epoch }
    if (type === 'commit') for (const partition of owned.partitions) partition.decide(writer)
    const parts: (() => void)[] = [...owned.partitions].map(partition => () => {
      partition.mark(writer, type, this.scheduler.now)
    })
    for (const [key, committed] of owned.offsets) {
      if (type === 'commit') parts.push(() => this.committed.set(key, committed))
    }
    owned.partitions.clear()
    owned.offsets.clear()
    let left = parts.length
    const done = () => {
      if (--left <= 0) owned.state = 'empty'
    }
    for (const part of parts) {
      this.scheduler.after(this.random.unit() * MARKER_MS_MAX, () => {
        part()
        done()
      })
    }
    if (parts.length === 0) done()
  }
}

const MARKER_MS_MAX = 8
