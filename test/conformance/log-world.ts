import { randomUUID } from 'node:crypto'
import type { OutgoingRecord } from '../../protocol/record-batch.ts'
import { RecordReader } from '../../protocol/record-batch.ts'
import {
  type Batch,
  type Fetched,
  type Log,
  nextOffset,
  type Offset,
  type Reader,
  type Transactor,
} from '../../runtime/log.ts'
import { assert } from '../harness.ts'

/** A cluster to try an implementation of `Log` on. */
export interface LogWorld {
  /** One more client, as of another process. */
  open(): Log
  /** Waits in the cluster's time. */
  sleep(ms: number): Promise<void>
  close(): Promise<void>
}

export interface SeenRecord {
  readonly offset: number
  readonly key: string | null
  readonly value: string | null
  readonly headers: readonly (readonly [string, string])[]
}

type Kinded<Kind> = Extract<Fetched, { readonly kind: Kind }>

/** How long something may take that has no bound of its own: elections, markers, joins. */
const PATIENCE_MS = 40_000

/** One test's view of the world: it closes whatever the test opened. */
export class LogCase {
  readonly log: Log
  readonly topic = unique('log')
  private readonly world: LogWorld
  private readonly opened: { close(): Promise<void> }[] = []

  constructor(world: LogWorld) {
    this.world = world
    this.log = this.another()
  }

  /** Runs the body on a new topic of `partitions`. */
  static async run(
    world: LogWorld,
    body: (each: LogCase) => Promise<void>,
    partitions = 2,
  ): Promise<void> {
    const each = new LogCase(world)
    try {
      await each.log.topics.create([
        { topic: each.topic, partitions, replication: 1, config: { 'cleanup.policy': 'delete' } },
      ])
      await body(each)
    } finally {
      for (const one of each.opened.reverse()) await one.close()
    }
  }

  another(): Log {
    return this.closing(this.world.open())
  }

  closing<T extends { close(): Promise<void> }>(one: T): T {
    this.opened.push(one)
    return one
  }

  reader(topic = this.topic): Reader {
    return this.closing(this.log.reader({ topic, waitMsMax: 100, partitionBytesMax: 1024 * 1024 }))
  }

  /** A writer of transactions that has fenced, on a connection of its own. */
  async transactor(transactionalId: string, timeoutMs = 30_000): Promise<Transactor> {
    const transactor = this.closing(this.another().transactor({ transactionalId, timeoutMs }))
    await transactor.fence()
    return transactor
  }

  /** Appends values to a partition with a plain producer. */
  async produce(values: readonly string[], partition = 0): Promise<Offset> {
    const producer = this.closing(this.log.producer())
    const [first] = await producer.send([{ topic: this.topic, partition, records: values.map(of) }])
    assert.type(first, 'number')
    return first as Offset
  }

  /** Everything visible of a partition, read anew from `from` until the position is `end`. */
  async read(end: number, from = 0, partition = 0): Promise<SeenRecord[]> {
    const reader = this.reader()
    reader.seek(partition, nextOffset(from))
    return this.readOn(reader, end)
  }

  /** What a reader of one partition brings until its position is `end`. */
  async readOn(reader: Reader, end: number): Promise<SeenRecord[]> {
    const seen: SeenRecord[] = []
    await this.until(`the position is ${end}`, async () => {
      for (const fetched of await reader.poll()) {
        if (fetched.kind !== 'batch') throw new Error(`${fetched.fetched} is out of range`)
        seen.push(...recordsOf(fetched))
        if (fetched.next >= end) return true
      }
      return false
    })
    return seen
  }

  /** The values of `read`. */
  async values(end: number, from = 0, partition = 0): Promise<(string | null)[]> {
    return (await this.read(end, from, partition)).map(({ value }) => value)
  }

  /** Polls until a fetch of this kind passes `accept`. */
  async poll<Kind extends Fetched['kind']>(
    reader: Reader,
    kind: Kind,
    accept: (fetched: Kinded<Kind>) => boolean = () => true,
  ): Promise<Kinded<Kind>> {
    const isWanted = (fetched: Fetched): fetched is Kinded<Kind> => fetched.kind === kind
    const found: Kinded<Kind>[] = []
    await this.until(`a poll brings ${kind}`, async () => {
      found.push(...(await reader.poll()).filter(isWanted).filter(accept))
      return found.length > 0
    })
    return found[0] as Kinded<Kind>
  }

  async until(what: string, done: () => boolean | Promise<boolean>): Promise<void> {
    let waitedMs = 0
    while (!(await done())) {
      if (waitedMs > PATIENCE_MS) throw new Error(`waited ${PATIENCE_MS} ms until ${what}`)
      await this.world.sleep(20)
      waitedMs += 20
    }
  }

  sleep(ms: number): Promise<void> {
    return this.world.sleep(ms)
  }
}

/** A name that no other test run has used. */
export function unique(prefix: string): string {
  return `${prefix}-${randomUUID().slice(0, 13)}`
}

export function of(value: string): OutgoingRecord {
  return { key: null, value }
}

/** The records from the batch's position on: the first record batch may begin before it. */
export function recordsOf({ records, fetched }: Batch): SeenRecord[] {
  const reader = new RecordReader(records)
  const seen: SeenRecord[] = []
  while (reader.next()) {
    if (reader.offset < fetched) continue
    seen.push({
      offset: reader.offset,
      key: reader.keyString(),
      value: reader.value()?.toString() ?? null,
      headers: reader.headers().map(([name, value]) => [name, value.toString()] as const),
    })
  }
  return seen
}
