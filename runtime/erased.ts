import { createHash } from 'node:crypto'
import type { Job } from '../jobs/job.ts'
import type { OutgoingRecord } from '../protocol/record-batch.ts'

/**
 * That a key was erased: a record of `<job>.erased`, a compacted topic that says so for as long as anybody may
 * bring old events. It lies in the partition of the erased key, in the commit of its tombstones.
 */
export interface Erasure {
  /** The input that the key is one of. */
  readonly input: string
  /** Where the event lies that asked for it, and in which era of the input. */
  readonly era: number
  readonly offset: number
  /** When it was appended, epoch ms. */
  readonly at: number
}

/**
 * What stands there instead of a key: its SHA-256, in hexadecimal digits. Who knows a user's id can ask for it, so it
 * is still a pseudonym of his, and no more than that is kept.
 */
export const erasedHash = (key: string): string => createHash('sha256').update(key).digest('hex')

/** `appendedAt`: of the record at `offset`, epoch ms. */
export function erasedRecord(
  { input }: Pick<Job, 'input'>,
  key: string,
  { era, offset, appendedAt }: { era: number; offset: number; appendedAt: number },
): OutgoingRecord {
  const erasure: Erasure = { input, era, offset, at: appendedAt }
  return { key: erasedHash(key), value: JSON.stringify(erasure) }
}

/** `undefined`: it is none. */
export function parseErasure(value: string): Erasure | undefined {
  let raw: Partial<Erasure> | null
  try {
    raw = JSON.parse(value) as typeof raw
  } catch {
    return undefined // somebody else's
  }
  if (typeof raw !== 'object' || raw === null) return undefined
  const { input, era, offset, at } = raw
  const numbers = [era, offset, at].every(Number.isSafeInteger)
  return typeof input === 'string' && numbers ? (raw as Erasure) : undefined
}
