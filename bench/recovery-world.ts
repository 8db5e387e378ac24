import { randomUUID } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type ReplayedEvent, replay } from '../cli/replay.ts'
import { RecordReader } from '../protocol/record-batch.ts'
import { systemClock } from '../runtime/clock.ts'
import { openKafkaLog } from '../runtime/kafka-log.ts'
import type { Log } from '../runtime/log.ts'
import { deleteTopics } from './delete-topics.ts'
import { eventsTopic, inputPartitions } from './input.ts'
import type { MeasuredProcess } from './measured-process.ts'
import type { RecoverySubject, SubjectPlace } from './recovery-subject.ts'

const TICK_MS = 20
const FILL_STALL_MS = 60_000

/** When rows came: by the clock that never goes back, ms, and by the time that their writer gave them, epoch ms. */
interface Arrival {
  readonly partition: number
  readonly count: number
  readonly at: number
  readonly writtenAt: number
}

/** An engine with its topics and folder, whose processes come and go while events keep coming. */
export class RecoveryWorld<Subject extends RecoverySubject = RecoverySubject> {
  readonly subject: Subject
  readonly #place: SubjectPlace
  readonly #log: Log
  readonly #ended = new AbortController()
  readonly #running = new Set<MeasuredProcess>()
  readonly #watchers = new Set<(arrival: Arrival) => void>()
  readonly #background: Promise<void>[] = []

  private constructor(place: SubjectPlace, log: Log, subject: Subject) {
    this.#place = place
    this.#log = log
    this.subject = subject
  }

  static async open<Subject extends RecoverySubject>(
    brokers: string,
    make: (place: SubjectPlace) => Promise<Subject>,
  ): Promise<RecoveryWorld<Subject>> {
    const folder = await mkdtemp(join(tmpdir(), 'millrace-bench-'))
    const input = `bench-recovery-${randomUUID().slice(0, 8)}`
    const log = openKafkaLog({ brokers, clientId: 'bench', clock: systemClock })
    await log.topics.create([eventsTopic(input)])
    const place = { brokers, folder, input }
    return new RecoveryWorld(place, log, await make(place))
  }

  /** One event for each user, taken and committed. */
  async fill(users: number): Promise<void> {
    const producer = this.#log.producer()
    await replay(
      Array.from({ length: users }, (_, user) => eventOf(user)),
      { producer, topic: this.#place.input, partitions: inputPartitions },
    )
    await producer.close()
    const process = this.start('one')
    await this.subject.ready(process)
    this.#background.push(this.#watchRows())
    await Promise.race([this.#rows(users), process.failed()])
    await process.end()
  }

  /** Sends so many events a second, of users drawn in turn, until it is closed. */
  feed(users: number, eventsPerSecond: number): void {
    this.#background.push(this.#feed(users, eventsPerSecond))
  }

  start(instance: string): MeasuredProcess {
    const child = this.subject.start(instance)
    this.#running.add(child)
    return child
  }

  async kill(child: MeasuredProcess): Promise<void> {
    await this.subject.kill(child)
    this.#running.delete(child)
  }

  /** When the first row written from now on comes, and when each partition has had one. */
  firstRows(): Promise<{ first: number; all: number }> {
    const from = systemClock.now()
    const seen = new Set<number>()
    let first = 0
    return new Promise(resolve => {
      const watch = ({ partition, at, writtenAt }: Arrival) => {
        if (writtenAt < from) return
        if (seen.size === 0) first = at
        seen.add(partition)
        if (seen.size < inputPartitions) return
        this.#watchers.delete(watch)
        resolve({ first, all: at })
      }
      this.#watchers.add(watch)
    })
  }

  /** Begins to look; the answer tells each partition's longest time without a row until it is called, ms. */
  gaps(): () => number[] {
    const began = systemClock.elapsed()
    const last = new Array<number>(inputPartitions).fill(began)
    const longest = new Array<number>(inputPartitions).fill(0)
    const note = (partition: number, at: number) => {
      longest[partition] = Math.max(longest[partition] ?? 0, at - (last[partition] ?? began))
      last[partition] = at
    }
    const watch = ({ partition, at }: Arrival) => note(partition, at)
    this.#watchers.add(watch)
    return () => {
      this.#watchers.delete(watch)
      for (const partition of last.keys()) note(partition, systemClock.elapsed())
      return longest.map(Math.round)
    }
  }

  async close(): Promise<void> {
    this.#ended.abort()
    for (const child of this.#running) child.kill()
    await Promise.allSettled([...this.#background, ...[...this.#running].map(each => each.exited)])
    await this.#log.close()
    const { brokers, input, folder } = this.#place
    await deleteTopics(brokers, [input, ...this.subject.topics])
    await rm(folder, { recursive: true, force: true })
  }

  async #feed(users: number, eventsPerSecond: number): Promise<void> {
    const producer = this.#log.producer()
    const startedAt = systemClock.elapsed()
    let sent = 0
    try {
      while (!this.#ended.signal.aborted) {
        const due = Math.floor(((systemClock.elapsed() - startedAt) / 1000) * eventsPerSecond)
        const some = Array.from({ length: due - sent }, (_, at) =>
          eventOf(((sent + at) * 7_919) % users),
        )
        await replay(some, { producer, topic: this.#place.input, partitions: inputPartitions })
        sent = due
        await systemClock.sleep(TICK_MS, this.#ended.signal)
      }
    } finally {
      await producer.close()
    }
  }

  async #watchRows(): Promise<void> {
    const topic = this.subject.output
    const reader = this.#log.reader({
      topic,
      waitMsMax: 100,
      partitionBytesMax: 1024 * 1024,
    })
    for (const [partition, { start }] of (await this.#log.topics.ranges(topic)).entries())
      reader.seek(partition, start)
    try {
      while (!this.#ended.signal.aborted) {
        for (const fetched of await reader.poll()) {
          if (fetched.kind !== 'batch' || fetched.records.length === 0) continue
          const records = new RecordReader(fetched.records)
          let writtenAt = 0
          let count = 0
          for (; records.next(); count++) writtenAt = records.timestamp
          const arrival = {
            ...{ partition: fetched.partition, count },
            at: systemClock.elapsed(),
            writtenAt,
          }
          for (const watch of [...this.#watchers]) watch(arrival)
        }
      }
    } finally {
      await reader.close()
    }
  }

  /** Resolves when so many rows have come. */
  async #rows(wanted: number): Promise<void> {
    let seen = 0
    let seenAt = systemClock.elapsed()
    const watch = ({ count }: Arrival) => {
      seen += count
      seenAt = systemClock.elapsed()
    }
    this.#watchers.add(watch)
    while (seen < wanted) {
      await systemClock.sleep(100)
      if (systemClock.elapsed() - seenAt > FILL_STALL_MS)
        throw new Error(`no row came for ${FILL_STALL_MS} ms, after ${seen} of ${wanted}`)
    }
    this.#watchers.delete(watch)
  }
}

function eventOf(user: number): ReplayedEvent {
  const now = systemClock.now()
  const key = `user-${user}`
  const value = JSON.stringify({
    messageId: `${now}-${user}`,
    type: 'track',
    event: user % 8 === 0 ? 'Order Completed' : 'Product Viewed',
    userId: key,
    timestamp: new Date(now).toISOString(),
    properties: {
      product_id: `sku-${user % 5_000}`,
      category: 'garden',
      price: 9.99,
      quantity: 1,
      currency: 'EUR',
    },
    context: { page: { path: `/p/${user % 5_000}` } },
  })
  return { key, value }
}
