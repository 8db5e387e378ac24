import {
  type Append,
  type Committed,
  LogError,
  type Offset,
  offset,
  type PackedAppend,
  type Transaction,
  type Transactor,
  type TransactorOptions,
} from '../../runtime/log.ts'
import type { AwaitPoint } from './faults.ts'
import type { SimCluster } from './sim-cluster.ts'
import type { Writer } from './sim-partition.ts'
import type { SimProcess } from './sim-process.ts'
import { offsetKey } from './sim-transactions.ts'
import { unpacked } from './unpacked.ts'

/** Also holds its caller to the contract: fence first, one call at a time, none after an error. */
export class SimTransactor implements Transactor {
  private readonly cluster: SimCluster
  private readonly process: SimProcess
  private readonly options: TransactorOptions
  private writer: Writer | undefined
  private underWay: AwaitPoint | undefined
  private failed: unknown
  private closed = false

  constructor(cluster: SimCluster, process: SimProcess, options: TransactorOptions) {
    this.cluster = cluster
    this.process = process
    this.options = options
  }

  async fence(): Promise<void> {
    const { transactionalId, timeoutMs } = this.options
    this.writer = await this.call('transactor.fence', () =>
      this.cluster.transactions.fence(transactionalId, timeoutMs),
    )
  }

  begin(): Transaction {
    const { transactions } = this.cluster
    const { transactionalId } = this.options
    const { writer } = this
    if (!writer) throw this.violation('begins before it fenced')
    return {
      send: appends => this.call('transactor.send', () => this.append(writer, appends)),
      sendOffsets: (group, topic, partition, committed: Committed) =>
        this.call('transactor.sendOffsets', () =>
          transactions.addOffsets(
            transactionalId,
            writer,
            offsetKey(group, topic, partition),
            committed,
          ),
        ),
      commit: () =>
        this.call('transactor.commit', () =>
          transactions.endTransaction(transactionalId, writer, 'commit'),
        ),
      abort: () =>
        this.call('transactor.abort', () =>
          transactions.endTransaction(transactionalId, writer, 'abort'),
        ),
    }
  }

  async opened(): Promise<void> {
    // Transactions follow each other at once.
  }

  async close(): Promise<void> {
    this.closed = true
  }

  private async append(
    writer: Writer,
    appends: readonly (Append | PackedAppend)[],
  ): Promise<Offset[]> {
    const targets = appends.map(({ topic, partition, records }) => ({
      partition: this.cluster.partition(topic, partition),
      records: unpacked(records),
    }))
    const { transactionalId } = this.options
    return (await this.cluster.transactions.append(transactionalId, writer, targets)).map(offset)
  }

  private async call<T>(point: AwaitPoint, effect: () => Promise<T>): Promise<T> {
    if (this.closed) throw new LogError('ambiguous', `${point} after close`)
    if (this.failed) throw this.violation(`calls ${point} after ${String(this.failed)}`)
    if (this.underWay) throw this.violation(`calls ${point} while ${this.underWay} is under way`)
    this.underWay = point
    const { process, options } = this
    const subject = options.transactionalId
    try {
      return await this.cluster.network.call({ process, point, subject, effect })
    } catch (error) {
      this.failed = error
      throw error
    } finally {
      this.underWay = undefined
    }
  }

  private violation(what: string): LogError {
    const told = `transactor ${this.options.transactionalId} of ${this.process.name} ${what}`
    this.cluster.violations.push(told)
    return new LogError('refused', told)
  }
}
