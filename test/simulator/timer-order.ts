import type { Timer } from '../../jobs/job.ts'

export type KeyedTimer = Timer & { readonly key: string }

/** By time, then key, then name. */
export function isBefore(left: KeyedTimer, right: KeyedTimer): boolean {
  if (left.time !== right.time) return left.time < right.time
  const keys = Buffer.compare(Buffer.from(left.key), Buffer.from(right.key))
  return keys !== 0 ? keys < 0 : left.name < right.name
}
