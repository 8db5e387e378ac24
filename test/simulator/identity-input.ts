import { partitionFor } from '../../protocol/murmur2.ts'
import type { OutgoingRecord } from '../../protocol/record-batch.ts'
import { ERASE } from './identity-job.ts'
import type { Random } from './random.ts'
import type { EventInput } from './sim-feed.ts'

const MINUTE_MS = 60_000

/**
 * Events of people who are anonymous until they say who they are, on several devices; doubled and late ones,
 * two who claim one device, and users who are an alias of each other.
 */
export class IdentityInput implements EventInput {
  private readonly random: Random
  private readonly partitions: number
  private readonly people: number
  private readonly erases: boolean
  private readonly recent: OutgoingRecord[] = []
  private sent = 0

  constructor(random: Random, partitions: number, people: number) {
    this.random = random
    this.partitions = partitions
    this.people = people
    this.erases = random.chance(0.5)
  }

  next(now: number): { partition: number; record: OutgoingRecord } {
    const { random } = this
    const again = this.recent.length > 0 && random.chance(0.1)
    const record = again ? random.pick(this.recent) : this.record(now)
    this.recent.push(record)
    if (this.recent.length > 20) this.recent.shift()
    return { partition: partitionFor(Buffer.from(record.key ?? ''), this.partitions), record }
  }

  private record(now: number): OutgoingRecord {
    const { random } = this
    const userId = `user-${random.below(this.people)}`
    const device = `device-${random.below(2 * this.people)}`
    const messageId = `m${++this.sent}`
    const timestamp = random.chance(0.9) ? now : now - random.below(6 * MINUTE_MS)
    const kind = random.unit()
    const event = { messageId, type: 'track', event: 'Thing Done', timestamp }
    const keyed = (key: string, more: object): OutgoingRecord => ({
      key,
      value: JSON.stringify({ ...event, ...more }),
    })
    if (kind < 0.5) return keyed(device, { anonymousId: device })
    if (kind < 0.8) return keyed(userId, { userId })
    if (kind < 0.88 && this.erases) return keyed(userId, { userId, event: ERASE })
    // One in ten says that a user is another one, who may say the same of him.
    const other = random.chance(0.1) ? `user-${random.below(this.people)}` : device
    return keyed(userId, { userId, anonymousId: other, type: 'identify', event: '' })
  }
}
