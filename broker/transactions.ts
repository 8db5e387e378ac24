import { Journal, type JournalOptions } from './journal.ts'
import { KafkaError } from './kafka-error.ts'
import {
  isSame,
  type ProducerIdentity,
  parseTransaction,
  type TopicPartition,
  type Transaction,
} from './transaction.ts'

export interface TransactionsOptions extends JournalOptions {
  readonly now: () => number
  /** Appends a marker to a partition, if the partition is still there. */
  readonly mark: (at: TopicPartition, producer: ProducerIdentity, type: 'commit' | 'abort') => void
  /** Makes the offsets visible that the transaction holds, or drops them. */
  readonly release: (producerId: number, committed: boolean) => void
}

const TIMEOUT_MS_MAX = 15 * 60_000
const EPOCH_MAX = 32_766
/** `transactional.id.expiration.ms` */
const FORGET_AFTER_MS = 7 * 86_400_000
/** The entry of the journal that says which producer ids were given away. */
const NEXT_PRODUCER_ID = 'next producer id'
/** Before a transactional id, in the journal's keys. */
const PREFIX = 'id '
const PRODUCER_ID_BLOCK = 1000

/**
 * The transaction coordinator: who owns each transactional id, and what its transaction has touched. Errors as
 * `TransactionCoordinator` of Kafka 4.1 answers them to clients of before KIP-890 part 2 (kafkajs, librdkafka).
 */
export class Transactions {
  private readonly options: TransactionsOptions
  private readonly journal: Journal<Transaction>
  private nextProducerId: number
  private reserved: number

  constructor(options: TransactionsOptions) {
    this.options = options
    this.journal = new Journal(options, parseTransaction)
    this.nextProducerId = this.journal.get(NEXT_PRODUCER_ID)?.producerId ?? 0
    this.reserved = this.nextProducerId
  }

  /** Ends what a killed process had decided to end, or what a full disk had interrupted. */
  resume(): void {
    for (const [id, transaction] of this.all()) {
      if (transaction.state === 'prepare-commit') this.complete(id, transaction, 'commit')
      if (transaction.state === 'prepare-abort') this.complete(id, transaction, 'abort')
    }
  }

  /** An identity for an idempotent producer, or the next one of a transactional id: its older owners are shut out. */
  initialize(id: string | null, timeoutMs: number): ProducerIdentity {
    if (id === null) return { producerId: this.newProducerId(), epoch: 0 }
    if (id === '') throw new KafkaError('INVALID_REQUEST', 'an empty transactional id')
    if (timeoutMs <= 0 || timeoutMs > TIMEOUT_MS_MAX) {
      const message = `a transaction timeout of ${timeoutMs} ms; 1 to ${TIMEOUT_MS_MAX} are allowed`
      throw new KafkaError('INVALID_TRANSACTION_TIMEOUT', message)
    }
    const known = this.get(id)
    if (known !== undefined) assertEnded(known)
    if (known?.state === 'ongoing') this.abortAsCoordinator(id, known)
    const current = this.get(id)
    const next =
      current === undefined || current.epoch >= EPOCH_MAX
        ? { producerId: this.newProducerId(), epoch: 0 }
        : { producerId: current.producerId, epoch: current.epoch + 1 }
    this.put(id, { ...next, state: 'empty', timeoutMs, partitions: [], startedAt: -1 })
    return next
  }

  /** The transaction will write to these partitions; it begins with the first. */
  add(id: string, producer: ProducerIdentity, partitions: readonly TopicPartition[]): void {
    const transaction = this.owned(id, producer)
    const open = transaction.state === 'ongoing'
    const known = open ? transaction.partitions : []
    const added = partitions.filter(each => !known.some(one => isSame(one, each)))
    if (open && added.length === 0) return
    const startedAt = open ? transaction.startedAt : this.options.now()
    this.put(id, { ...transaction, state: 'ongoing', startedAt, partitions: [...known, ...added] })
  }

  end(id: string, producer: ProducerIdentity, type: 'commit' | 'abort'): void {
    const transaction = this.owned(id, producer)
    // An answer was lost, and the producer asks again.
    if (transaction.state === `complete-${type}`) return
    if (transaction.state !== 'ongoing') {
      throw new KafkaError(
        'INVALID_TXN_STATE',
        `cannot ${type} a transaction that is ${transaction.state}`,
      )
    }
    this.finish(id, transaction, type)
  }

  /** A partition or group that has nothing of this transaction yet asks whether it may take something. */
  verify(id: string | null, producer: ProducerIdentity, partition?: TopicPartition): void {
    if (id === null)
      throw new KafkaError('INVALID_TXN_STATE', 'transactional records without a transactional id')
    const { state, partitions } = this.owned(id, producer)
    const added = partition === undefined || partitions.some(each => isSame(each, partition))
    if (state !== 'ongoing' || !added) {
      throw new KafkaError(
        'INVALID_TXN_STATE',
        `the transaction is ${state}, and was not told of this partition`,
      )
    }
  }

  /** Aborts transactions that have been open for longer than they may, and shuts their producers out. */
  expire(): void {
    this.resume()
    const now = this.options.now()
    for (const [id, transaction] of this.all()) {
      const { state, startedAt, timeoutMs, changedAt } = transaction
      if (state === 'ongoing' && now - startedAt > timeoutMs)
        this.abortAsCoordinator(id, transaction)
      else if (state !== 'ongoing' && now - changedAt > FORGET_AFTER_MS) {
        this.journal.change([[PREFIX + id, undefined]], now)
      }
    }
  }

  close(): void {
    this.journal.close()
  }

  /** With a raised epoch, so that the producer cannot go on with a transaction that it believes to be open. */
  private abortAsCoordinator(id: string, transaction: Transaction): void {
    this.finish(id, { ...transaction, epoch: transaction.epoch + 1 }, 'abort')
  }

  private finish(id: string, transaction: Transaction, type: 'commit' | 'abort'): void {
    this.put(id, { ...transaction, state: `prepare-${type}` })
    this.complete(id, transaction, type)
  }

  /** Each step may have been done before, by a process that was killed after it. */
  private complete(id: string, transaction: Transaction, type: 'commit' | 'abort'): void {
    for (const partition of transaction.partitions) this.options.mark(partition, transaction, type)
    this.options.release(transaction.producerId, type === 'commit')
    this.put(id, { ...transaction, state: `complete-${type}`, partitions: [], startedAt: -1 })
  }

  private owned(id: string, { producerId, epoch }: ProducerIdentity): Transaction {
    const transaction = this.get(id)
    if (transaction === undefined || transaction.producerId !== producerId) {
      throw new KafkaError(
        'INVALID_PRODUCER_ID_MAPPING',
        `producer ${producerId} does not own transactional id ${id}`,
      )
    }
    assertEnded(transaction)
    if (transaction.epoch !== epoch) {
      throw new KafkaError(
        'PRODUCER_FENCED',
        `transactional id ${id} has epoch ${transaction.epoch}, not ${epoch}`,
      )
    }
    return transaction
  }

  private put(id: string, transaction: Omit<Transaction, 'changedAt'>): void {
    const changedAt = this.options.now()
    this.journal.change([[PREFIX + id, { ...transaction, changedAt }]], changedAt)
  }

  private get(id: string): Transaction | undefined {
    return this.journal.get(PREFIX + id)
  }

  private all(): [id: string, transaction: Transaction][] {
    const all: [string, Transaction][] = []
    for (const [key, transaction] of this.journal.values()) {
      if (key.startsWith(PREFIX)) all.push([key.slice(PREFIX.length), transaction])
    }
    return all
  }

  /** Given away in blocks: a killed process skips the rest of one. */
  private newProducerId(): number {
    if (this.nextProducerId >= this.reserved) {
      this.reserved = this.nextProducerId + PRODUCER_ID_BLOCK
      const changedAt = this.options.now()
      const reserved: Transaction = {
        producerId: this.reserved,
        epoch: 0,
        state: 'empty',
        timeoutMs: 0,
        partitions: [],
        startedAt: -1,
        changedAt,
      }
      this.journal.change([[NEXT_PRODUCER_ID, reserved]], changedAt)
    }
    return this.nextProducerId++
  }
}

/** Otherwise an error of the disk came between the decision and its markers. */
function assertEnded({ state }: Transaction): void {
  if (state !== 'prepare-commit' && state !== 'prepare-abort') return
  throw new KafkaError('CONCURRENT_TRANSACTIONS', 'the transaction before is still being ended')
}
