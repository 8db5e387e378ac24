import { visibleBatches } from '../../protocol/visible.ts'
import {
  type Batch,
  type Fetched,
  LogError,
  type NextOffset,
  nextOffset,
  type Reader,
  type ReaderOptions,
} from '../../runtime/log.ts'
import type { FaultKind } from './faults.ts'
import type { SimCluster } from './sim-cluster.ts'
import type { PartitionFetch, SimPartition } from './sim-partition.ts'
import type { SimProcess } from './sim-process.ts'

interface Position {
  next: NextOffset
  paused: boolean
  lost: boolean
  /** Of each seek another: an answer to a question asked before the last one is dropped. */
  seeks: number
  last: Batch | undefined
}

interface Question {
  readonly partition: number
  readonly next: NextOffset
  readonly seeks: number
}

interface Answer extends Question, PartitionFetch {
  readonly inRange: boolean
  readonly start: number
  readonly lastStable: number
}

/** A fetch brings at most so much of a partition, at random, so that few records are many batches too. */
const BYTES_CHOICES = [1, 300, 1_000, 10_000_000]

/** An answer that brings something is slow now and then, apart from faults. */
const SLOW_CHANCE = 0.1
const SLOW_MS_MAX = 500

export class SimReader implements Reader {
  private readonly cluster: SimCluster
  private readonly process: SimProcess
  private readonly options: ReaderOptions
  private readonly positions = new Map<number, Position>()
  private seeks = 0
  private polling = false
  private closed = false
  private wake: AbortController | undefined

  constructor(cluster: SimCluster, process: SimProcess, options: ReaderOptions) {
    this.cluster = cluster
    this.process = process
    this.options = options
  }

  seek(partition: number, next: NextOffset): void {
    const seeks = ++this.seeks
    this.positions.set(partition, { next, paused: false, lost: false, seeks, last: undefined })
    this.wake?.abort()
  }

  pause(partition: number): void {
    const position = this.positions.get(partition)
    if (position) position.paused = true
  }

  resume(partition: number): void {
    const position = this.positions.get(partition)
    if (position) position.paused = false
    this.wake?.abort()
  }

  drop(partition: number): void {
    this.positions.delete(partition)
  }

  async poll(): Promise<Fetched[]> {
    if (this.polling) throw this.violation('polls while a poll is under way')
    if (this.closed) return []
    this.polling = true
    try {
      const questions = [...this.positions]
        .filter(([, { paused, lost }]) => !paused && !lost)
        .map(([partition, { next, seeks }]) => ({ partition, next, seeks }))
      if (questions.length > 0) return await this.ask(questions)
      this.wake = new AbortController()
      await this.process.clock.sleep(this.options.waitMsMax, this.wake.signal)
      return []
    } finally {
      this.polling = false
    }
  }

  async close(): Promise<void> {
    this.closed = true
    this.positions.clear()
    this.wake?.abort()
  }

  private async ask(questions: readonly Question[]): Promise<Fetched[]> {
    const { topic } = this.options
    let repeated = false
    const answers = await this.cluster.network.call({
      process: this.process,
      point: 'reader.poll',
      subject: topic,
      effect: (fault: FaultKind | undefined) => {
        repeated = fault === 'duplicate'
        return this.longPoll(questions)
      },
    })
    return answers.flatMap(answer => this.accept(answer, repeated))
  }

  /** Answers when there is something to read, or after `waitMsMax`. */
  private async longPoll(questions: readonly Question[]): Promise<Answer[]> {
    const { scheduler, random } = this.cluster
    const partitions = questions.map(({ partition }) =>
      this.cluster.partition(this.options.topic, partition),
    )
    const deadline = scheduler.now + this.options.waitMsMax
    for (;;) {
      const bytesMax = Math.min(this.options.partitionBytesMax, random.pick(BYTES_CHOICES))
      const answers = questions.map((question, index) =>
        answerTo(question, partitions[index] as SimPartition, bytesMax),
      )
      const leftMs = deadline - scheduler.now
      const told = answers.some(({ inRange, recordSet }) => !inRange || recordSet.length > 0)
      // What is told may be old by then: the caller may have sought anew.
      if (told && random.chance(SLOW_CHANCE)) await scheduler.sleep(random.below(SLOW_MS_MAX))
      if (leftMs <= 0) return answers
      // Brokers answer each for their own partitions: one may be missing though it has something.
      if (told) return answers.filter((_, index) => index === 0 || random.chance(0.8))
      await changeOf(partitions, leftMs, ms => scheduler.sleep(ms))
    }
  }

  private accept(answer: Answer, repeated: boolean): Fetched[] {
    const { partition, seeks, recordSet, aborted, inRange } = answer
    const position = this.positions.get(partition)
    if (!position || position.seeks !== seeks) return []
    // The contract leaves open whether an answer under way is still told after a pause.
    if (position.paused && this.cluster.random.chance(0.5)) return []
    const fetched = position.next
    const range = { start: nextOffset(answer.start), end: nextOffset(answer.lastStable) }
    if (!inRange) {
      position.lost = true
      return [{ kind: 'out-of-range', partition, fetched, ...range }]
    }
    if (repeated && position.last) return [position.last]
    const { records, next } = visibleBatches(recordSet, fetched, aborted)
    position.next = nextOffset(next)
    // A copy of its own: the caller may hand the memory to another thread.
    const own = Uint8Array.from(records)
    position.last = {
      kind: 'batch',
      partition,
      fetched,
      next: position.next,
      ...range,
      records: own,
    }
    return [{ ...position.last, records: Uint8Array.from(own) }]
  }

  private violation(what: string): LogError {
    const told = `reader of ${this.options.topic} of ${this.process.name} ${what}`
    this.cluster.violations.push(told)
    return new LogError('refused', told)
  }
}

function answerTo(question: Question, partition: SimPartition, bytesMax: number): Answer {
  const { start, end, lastStable } = partition
  const inRange = question.next >= start && question.next <= end
  const fetch = inRange
    ? partition.fetch(question.next, bytesMax)
    : { recordSet: Buffer.alloc(0), aborted: [] }
  return { ...question, ...fetch, inRange, start, lastStable }
}

async function changeOf(
  partitions: readonly SimPartition[],
  msMax: number,
  sleep: (ms: number) => Promise<void>,
): Promise<void> {
  const forget: (() => void)[] = []
  const changed = new Promise<void>(resolve => {
    for (const partition of partitions) forget.push(partition.onChange(resolve))
  })
  await Promise.race([changed, sleep(msMax)])
  for (const each of forget) each()
}
