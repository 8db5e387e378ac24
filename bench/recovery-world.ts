import { randomUUID } from 'node:crypto'
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type ReplayedEvent, replay } from '../cli/replay.ts'
import { RecordReader } from '../protocol/record-batch.ts'
import { systemClock } from '../runtime/clock.ts'
import { openKafkaLog } from '../runtime/kafka-log.ts'
import { type Log, nextOffset } from '../runtime/log.ts'
import { deleteTopics } from './delete-topics.ts'
import { eventsTopic, inputPartitions } from './input.ts'
import { untilReady } from './listening.ts'
import { MeasuredProcess } from './measured-process.ts'
import { type Origin, openProgram, type Program } from './program.ts'
import { topicsOf } from './run-millrace.ts'

const TICK_MS = 20
const READY_MS_MAX = 120_000
const FILL_STALL_MS = 60_000

/** When rows came: by the clock that never goes back, ms, and by the time that their writer gave them, epoch ms. */
interface Arrival {
  readonly partition: number
  readonly at: number
  readonly writtenAt: number
}

/** A job with its topics and folder, whose processes come and go while events keep coming. */
export class RecoveryWorld {
  readonly #folder: string
  readonly #brokers: string
  readonly #program: Program
  readonly #log: Log
  readonly #name: string
  readonly #path: string
  readonly #ended = new AbortController()
  readonly #running = new Set<MeasuredProcess>()
  readonly #watchers = new Set<(arrival: Arrival) => void>()
  readonly #background: Promise<void>[] = []

  private constructor(brokers: string, folder: string, program: Program) {
    this.#brokers = brokers
    this.#program = program
    this.#folder = folder
    this.#name = `bench-recovery-${randomUUID().slice(0, 8)}`
    this.#path = join(folder, 'job.ts')
    this.#log = openKafkaLog({ brokers, clientId: 'bench', clock: systemClock })
  }

  static async open(brokers: string, origin: Origin): Promise<RecoveryWorld> {
    const folder = await mkdtemp(join(tmpdir(), 'millrace-bench-'))
    const program = await openProgram(origin, folder)
    const world = new RecoveryWorld(brokers, folder, program)
    const changed = JSON.stringify({ name: world.#name, input: world.#input })
    await writeFile(
      world.#path,
      `import job from '${program.peerJob}'\nexport default { ...job, ...${changed} }\n`,
    )
    await world.#log.topics.create([eventsTopic(world.#input)])
    return world
  }

  get #input(): string {
    return `${this.#name}-events`
  }

  /** One event for each user, taken and committed. */
  async fill(users: number): Promise<void> {
    const producer = this.#log.producer()
    await replay(
      Array.from({ length: users }, (_, user) => eventOf(user)),
      { producer, topic: this.#input, partitions: inputPartitions },
    )
    await producer.close()
    const process = await this.start('one')
    await Promise.race([this.#allCommitted(), process.failed()])
    await process.end()
    this.#background.push(this.#watchRows())
  }

  /** Sends so many events a second, of users drawn in turn, until it is closed. */
  feed(users: number, eventsPerSecond: number): void {
    this.#background.push(this.#feed(users, eventsPerSecond))
  }

  async start(instance: string): Promise<MeasuredProcess> {
    const child = new MeasuredProcess(process.execPath, [
      ...[this.#program.path, 'run', this.#path, '--brokers', this.#brokers, '--port', '0'],
      ...['--data', join(this.#folder, 'data'), '--instance', instance, '--session-ms', '6000'],
    ])
    this.#running.add(child)
    return child
  }

  /** The member's id stays: without it the group would wait for the dead process's session to end, in each round. */
  async loseStores(instance: string): Promise<void> {
    const own = join(this.#folder, 'data', 'run', this.#name, instance)
    for (const name of await readdir(own))
      if (name.startsWith('task-')) await rm(join(own, name), { recursive: true })
  }

  async ready(child: MeasuredProcess): Promise<void> {
    await untilReady(child, READY_MS_MAX)
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
    await deleteTopics(this.#brokers, [this.#input, ...topicsOf(this.#name)])
    await rm(this.#folder, { recursive: true, force: true })
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
        await replay(some, { producer, topic: this.#input, partitions: inputPartitions })
        sent = due
        await systemClock.sleep(TICK_MS, this.#ended.signal)
      }
    } finally {
      await producer.close()
    }
  }

  async #watchRows(): Promise<void> {
    const topic = `${this.#name}.features`
    const reader = this.#log.reader({
      topic,
      waitMsMax: 100,
      partitionBytesMax: 1024 * 1024,
    })
    for (const [partition, { end }] of (await this.#log.topics.ranges(topic)).entries())
      reader.seek(partition, nextOffset(end))
    try {
      while (!this.#ended.signal.aborted) {
        for (const fetched of await reader.poll()) {
          if (fetched.kind !== 'batch' || fetched.records.length === 0) continue
          const records = new RecordReader(fetched.records)
          let writtenAt = 0
          while (records.next()) writtenAt = records.timestamp
          const arrival = {
            partition: fetched.partition,
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

  async #allCommitted(): Promise<void> {
    const ends = (await this.#log.topics.ranges(this.#input)).map(({ end }) => end)
    let seen = -1
    let seenAt = systemClock.elapsed()
    for (;;) {
      const partitions = ends.map((_, partition) => partition)
      const committed = await this.#log.committed(`${this.#name}.commits`, this.#input, partitions)
      if (committed.every((each, partition) => each?.next === ends[partition])) return
      const done = committed.reduce((sum, each) => sum + (each?.next ?? 0), 0)
      if (done > seen) seenAt = systemClock.elapsed()
      else if (systemClock.elapsed() - seenAt > FILL_STALL_MS)
        throw new Error(`nothing was committed for ${FILL_STALL_MS} ms, after ${done} events`)
      seen = done
      await systemClock.sleep(100)
    }
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
