import { partitionFor } from '../../protocol/murmur2.ts'
import type { OutgoingRecord } from '../../protocol/record-batch.ts'
import type { Random } from './random.ts'
import { BOMB, DEADLY, POISON } from './sim-job.ts'

const SECOND_MS = 1_000
const MINUTE_MS = 60_000

/** Random events of a few users, with all that a producer does wrong: doubled, late, future, broken, misplaced. */
export class SimInput {
  private readonly random: Random
  private readonly partitions: number
  private readonly users: readonly string[]
  private readonly recent: OutgoingRecord[] = []
  private readonly deadly: number
  private sent = 0

  constructor(random: Random, partitions: number, users: number, deadly = 0) {
    this.deadly = deadly
    this.random = random
    this.partitions = partitions
    this.users = Array.from({ length: users }, (_, n) => `user-${n}${n % 5 === 0 ? '-ü' : ''}`)
  }

  /** One record and the partition that it goes to. `now`: event time's wall clock, epoch ms. */
  next(now: number): { partition: number; record: OutgoingRecord } {
    const { random } = this
    if (this.recent.length > 0 && random.chance(0.1)) return this.placed(random.pick(this.recent))
    const record = this.record(now)
    this.recent.push(record)
    if (this.recent.length > 20) this.recent.shift()
    return this.placed(record)
  }

  private record(now: number): OutgoingRecord {
    const { random } = this
    const key = random.pick(this.users)
    const kind = random.unit()
    if (kind < 0.01) return { key, value: '{"userId": ' }
    if (kind < 0.02) return { key, value: JSON.stringify({ timestamp: now }) }
    if (kind < 0.03) return { key, value: JSON.stringify({ userId: key, timestamp: '1999-01-01' }) }
    if (kind < 0.035) return { key, value: null }
    const properties: Record<string, unknown> = { value: random.between(1, 100) }
    if (kind < 0.06) properties[POISON] = true
    else if (kind < 0.09) properties[BOMB] = true
    else if (this.deadly > 0 && random.chance(this.deadly))
      properties[DEADLY] = random.pick(['lane', 'process'])
    const messageId = random.chance(0.05) ? '' : `m${++this.sent}`
    const event = { messageId, type: 'track', event: 'Thing Done', userId: key }
    return { key, value: JSON.stringify({ ...event, timestamp: this.time(now), properties }) }
  }

  /** Mostly now; sometimes a little, far too, or absurdly late or early. */
  private time(now: number): number {
    const { random } = this
    const kind = random.unit()
    if (kind < 0.7) return now
    if (kind < 0.9) return now - random.below(10 * SECOND_MS)
    if (kind < 0.96) return now - random.below(3 * MINUTE_MS)
    if (kind < 0.99) return now - random.below(20 * MINUTE_MS)
    return now + random.below(60 * MINUTE_MS)
  }

  private placed(record: OutgoingRecord): { partition: number; record: OutgoingRecord } {
    const { random, partitions } = this
    const home = partitionFor(Buffer.from(record.key ?? ''), partitions)
    const partition = random.chance(0.01) ? random.below(partitions) : home
    return { partition, record }
  }
}
