import type { Job } from '../jobs/job.ts'
import { partitionFor } from '../protocol/murmur2.ts'
import { type OutgoingRecord, RecordReader } from '../protocol/record-batch.ts'
import { packed } from './appends.ts'
import { breakableLog } from './breakable-log.ts'
import type { Clock } from './clock.ts'
import {
  type ForwardFacts,
  type ForwardPosition,
  forwardPosition,
  parsePosition,
} from './forward-position.ts'
import {
  type Batch,
  type Log,
  LogError,
  type NextOffset,
  type PackedAppend,
  type Producer,
  type Reader,
  type Transactor,
} from './log.ts'
import { forwardable, forwardsGroup, rekeyedTopic } from './rekeyed.ts'

const waitMsMax = 500
const batchBytesMax = 1024 * 1024
/** How far it is, is committed so often while it moves. What is told again after a death is dropped there. */
const commitMs = 1_000
/** Kafka forgets the offsets of a group without members after seven days. */
const renewalMs = 3_600_000
const leaveMsMax = 2_000

export interface ForwarderOptions {
  readonly job: Pick<Job, 'name'>
  readonly partition: number
  readonly era: number
  readonly acceptLoss: boolean
  readonly log: Log
  readonly clock: Clock
  /** It has stopped by itself: `fenced` and `ambiguous` as of a task, whose takeover makes a new one. */
  readonly onFailed: (error: unknown) => void
}

/**
 * Copies one partition of `<job>.rekeyed`, in order, to where the records' new keys live.
 *
 * It is a plain producer, so that nothing transactional is written to an input, and it delivers at least once:
 * what it had sent since its last committed position it sends again after a death. An old owner that wakes may
 * do so too. Each of them begins where all before has been acknowledged, goes on only after an acknowledgement,
 * and passes over nothing: so of each target partition what has arrived is always without gaps, a record's
 * first arrival is behind all that came before it, and the receiver (`Sources`) knows the others by their offset.
 *
 * It is used once, as its task is.
 */
export class Forwarder {
  readonly #options: ForwarderOptions
  readonly #log: Log
  readonly #topic: string
  readonly #reader: Reader
  readonly #producer: Producer
  readonly #transactor: Transactor
  readonly #partitions = new Map<string, number>()
  readonly #closing = new AbortController()
  #running: Promise<void> | undefined
  #stopping = false
  #position: ForwardPosition | undefined
  #committed: NextOffset | undefined
  #committedAt = Number.NEGATIVE_INFINITY
  #end: number | undefined
  #forwarded = 0

  constructor(options: ForwarderOptions) {
    const { job, partition } = options
    const log = breakableLog(options.log, this.#closing.signal)
    this.#log = log
    this.#options = options
    this.#topic = rekeyedTopic(job.name)
    this.#reader = log.reader({
      topic: this.#topic,
      waitMsMax,
      partitionBytesMax: batchBytesMax,
    })
    this.#producer = log.producer()
    this.#transactor = log.transactor({
      transactionalId: `${job.name}-${partition}-forwards`,
      timeoutMs: 30_000,
    })
  }

  get figures(): { readonly forwarded: number; readonly lag: number } {
    const next = this.#position?.next
    const lag = next === undefined || this.#end === undefined ? 0 : Math.max(0, this.#end - next)
    return { forwarded: this.#forwarded, lag }
  }

  start(): void {
    this.#running = this.#run().catch(error => {
      if (!this.#stopping) this.#options.onFailed(error)
    })
  }

  /** Ends it; nothing of it reaches the log afterwards. With `clean` what is in hand is sent and noted, within two seconds. */
  async stop({ clean }: { clean: boolean }): Promise<void> {
    this.#stopping = true
    if (clean) await this.#inTime(this.#reader.close().then(() => this.#running))
    this.#closing.abort()
    await this.#reader.close()
    await this.#producer.close()
    await this.#transactor.close()
    await this.#running
  }

  async #inTime(work: Promise<void>): Promise<void> {
    const inTime = new AbortController() // else the wait alone would keep the process alive
    await Promise.race([work, this.#options.clock.sleep(leaveMsMax, inTime.signal)])
    inTime.abort()
  }

  async #run(): Promise<void> {
    const { partition, era } = this.#options
    const position = await this.#begin()
    this.#position = position
    this.#reader.seek(partition, position.next)
    while (!this.#stopping) {
      for (const fetched of await this.#reader.poll()) {
        if (this.#stopping) break
        if (fetched.fetched !== this.#position.next) continue // told again
        if (fetched.kind === 'out-of-range') {
          this.#position = this.#decide({ next: fetched.fetched, era }, fetched)
          this.#reader.seek(partition, this.#position.next)
          continue
        }
        await this.#forward(fetched)
        this.#position = { ...this.#position, next: fetched.next }
        this.#end = fetched.end
      }
      await this.#commitIfDue()
    }
    if (this.#position.next !== this.#committed) await this.#commit(this.#position)
  }

  /** Shuts an older owner out of the positions, and only then reads where to go on. */
  async #begin(): Promise<ForwardPosition> {
    const { job, partition } = this.#options
    const log = this.#log
    await this.#transactor.fence()
    const [committed] = await log.committed(forwardsGroup(job.name), this.#topic, [partition])
    this.#committed = committed?.next
    const range = (await log.topics.ranges(this.#topic))[partition]
    if (range === undefined)
      throw new LogError('unknown-topic', `topic ${this.#topic} has no partition ${partition}`)
    return this.#decide(committed && parsePosition(committed), range)
  }

  #decide(begun: ForwardFacts['begun'], range: ForwardFacts['range']): ForwardPosition {
    const { partition, era, acceptLoss } = this.#options
    return forwardPosition({ topic: this.#topic, partition, era, acceptLoss, begun, range })
  }

  /** Sends all of a batch, one batch of each target partition after the other; returns when it is acknowledged. */
  async #forward({ records }: Batch): Promise<void> {
    const { job, partition } = this.#options
    const targets = new Map<
      string,
      { topic: string; partition: number; records: OutgoingRecord[] }
    >()
    const reader = new RecordReader(records)
    let count = 0
    while (reader.next()) {
      if (reader.offset < (this.#position?.next ?? 0)) continue // a batch may begin before the asked offset
      const found = forwardable(reader, job.name, partition)
      if (found === undefined) continue
      const { to, key, record } = found
      const target = partitionFor(key, this.#partitions.get(to) ?? (await this.#count(to)))
      const group = targets.get(`${to}/${target}`) ?? { topic: to, partition: target, records: [] }
      group.records.push(record)
      targets.set(`${to}/${target}`, group)
      count++
    }
    const batches = [...targets.values()].map(({ topic, partition, records }) =>
      packed(topic, partition, records),
    )
    for (let wave = 0; batches.some(each => each.length > wave); wave++)
      await this.#send(batches.flatMap(each => each[wave] ?? []))
    this.#forwarded += count
  }

  async #send(appends: readonly PackedAppend[]): Promise<void> {
    if (this.#stopping) throw new LogError('unreachable', 'the forwarder was stopped')
    try {
      await this.#producer.send(appends)
    } catch (error) {
      throw this.#explained(error, [...new Set(appends.map(({ topic }) => topic))].join(' or '))
    }
  }

  async #count(topic: string): Promise<number> {
    try {
      const { length } = await this.#log.topics.ranges(topic)
      this.#partitions.set(topic, length)
      return length
    } catch (error) {
      throw this.#explained(error, topic)
    }
  }

  /** What asking again will not mend needs a person, who is told what for. */
  #explained(error: unknown, topic: string): unknown {
    if (!(error instanceof LogError)) return error
    const { name } = this.#options.job
    if (error.code === 'unknown-topic') {
      return new LogError(
        'unknown-topic',
        `topic ${topic}, to which job ${name} rekeys, does not exist (${error.message}): create it, and start ${name} again`,
        error,
      )
    }
    if (error.code !== 'refused') return error
    return new LogError(
      'refused',
      `topic ${topic} refuses what job ${name} rekeys to it (${error.message}): mend that, and start ${name} again`,
      error,
    )
  }

  async #commitIfDue(): Promise<void> {
    const { clock } = this.#options
    if (!this.#position) return
    const waited = clock.elapsed() - this.#committedAt
    if (waited >= (this.#position.next === this.#committed ? renewalMs : commitMs))
      await this.#commit(this.#position)
  }

  async #commit({ next, metadata }: ForwardPosition): Promise<void> {
    const { job, partition, clock } = this.#options
    const transaction = this.#transactor.begin()
    await transaction.sendOffsets(forwardsGroup(job.name), this.#topic, partition, {
      next,
      metadata,
    })
    await transaction.commit()
    this.#committed = next
    this.#committedAt = clock.elapsed()
  }
}
