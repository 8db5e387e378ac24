import { partitionFor } from '../protocol/murmur2.ts'
import type { TopicSpec, Topics } from '../runtime/log.ts'

const KEY_BYTES = 1_024
/** Of one unit of UTF-16. */
const UTF8_BYTES_MAX = 3

/** Which partition a key belongs to, in the topics that the sink writes to. */
export class TopicPartitions {
  readonly #specs: readonly TopicSpec[]
  readonly #topics: Pick<Topics, 'create' | 'describe'>
  readonly #counts = new Map<string, number>()
  /** Keys are written here to be hashed: no buffer is made for each. */
  readonly #keyBytes = Buffer.allocUnsafe(KEY_BYTES)
  #turn = 0

  constructor(specs: readonly TopicSpec[], topics: Pick<Topics, 'create' | 'describe'>) {
    this.#specs = specs
    this.#topics = topics
  }

  /** Creates the topics that do not exist, and asks how many partitions each has. Waits for brokers that are away. */
  async look(): Promise<void> {
    await this.#topics.create([...this.#specs])
    for (const { topic, partitions } of this.#specs) {
      const description = await this.#topics.describe(topic)
      this.#counts.set(topic, description?.partitions ?? partitions)
    }
  }

  /** The same for a topic that only records of an earlier process go to. Rejects where it does not exist. */
  async lookAt(topic: string): Promise<void> {
    if (this.#counts.has(topic)) return
    const description = await this.#topics.describe(topic)
    if (description === undefined)
      throw new Error(`the spool has records for topic ${topic}, which does not exist: create it`)
    this.#counts.set(topic, description.partitions)
  }

  /** `undefined` as long as no broker has said how many there are. Records without a key go to each in turn. */
  of(topic: string, key: Uint8Array | string | null): number | undefined {
    const count = this.#counts.get(topic)
    if (count === undefined) {
      if (this.#specs.some(spec => spec.topic === topic)) return undefined
      throw new Error(`the sink was not told of a topic named ${topic}`)
    }
    if (key === null) return this.#turn++ % count
    if (typeof key !== 'string') return partitionFor(key, count)
    if (key.length * UTF8_BYTES_MAX > KEY_BYTES) return partitionFor(Buffer.from(key), count)
    return partitionFor(this.#keyBytes, count, this.#keyBytes.write(key))
  }
}
