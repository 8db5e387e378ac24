import type { Store } from '../../state/store.ts'
import { isMarker } from './progress-of.ts'
import type { SimPartition, StoredRecord } from './sim-partition.ts'

/**
 * What a local store holds after a write, against its partition's changelog: nothing that is not committed,
 * nothing newer than `newest`, and each key's newest value if it lies at or below `complete` (a newer one is
 * brought by a restore from there on). Answers sentences; none when all is well.
 */
export async function checkStore(store: Store, changelog: SimPartition): Promise<string[]> {
  const { progress } = store
  if (!progress) return []
  const held = new Map<string, Uint8Array>()
  for await (const [key, bytes] of store.entries()) held.set(key, bytes)
  const problems: string[] = []
  const newest = new Map<string, StoredRecord>()
  const committed = new Set<string>()
  for (const record of changelog.everDecided()) {
    const { key, value, offset } = record
    if (isMarker(record) || key === null) continue
    newest.set(key, record)
    if (offset <= progress.newest && isHeld(value, key)) committed.add(key)
  }
  for (const key of held.keys())
    if (!committed.has(key)) problems.push(`${key} is held, and was never committed`)
  for (const [key, { offset, value }] of newest) {
    const right = value === null ? !held.has(key) : isHeld(value, key)
    if (offset > progress.complete || right) continue
    problems.push(
      `${key} is not as of ${offset}, and the store is complete to ${progress.complete}`,
    )
  }
  return problems

  function isHeld(value: Uint8Array | null, key: string): boolean {
    const bytes = held.get(key)
    return bytes !== undefined && value !== null && Buffer.compare(value, bytes) === 0
  }
}
