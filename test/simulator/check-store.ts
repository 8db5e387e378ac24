import type { Store } from '../../state/store.ts'
import { isMarker } from './progress-of.ts'
import type { SimPartition } from './sim-partition.ts'

/**
 * What a local store holds after a write, against its partition's changelog: nothing that is not committed,
 * nothing newer than `newest`, and everything up to `complete` that compaction has left (what it took has a
 * newer value, which a restore from `complete` on brings). Answers sentences; none when all is well.
 */
export async function checkStore(store: Store, changelog: SimPartition): Promise<string[]> {
  const { progress } = store
  if (!progress) return []
  const held = new Map<string, Uint8Array>()
  for await (const [key, bytes] of store.entries()) held.set(key, bytes)
  const problems: string[] = []
  const must = new Map<string, number>()
  const found = new Set<string>()
  for (const record of changelog.everDecided()) {
    const { key, value, offset } = record
    if (isMarker(record) || key === null || value === null || offset > progress.newest) continue
    if (offset <= progress.complete && changelog.holds(offset)) must.set(key, offset)
    const bytes = held.get(key)
    // The newest of these bytes counts: a state may come back to what it was.
    if (bytes && Buffer.compare(value, bytes) === 0) found.add(key)
    else if (offset <= progress.complete) found.delete(key)
  }
  for (const key of held.keys())
    if (!found.has(key) && !must.has(key)) problems.push(`${key} is held, and was never committed`)
  for (const [key, offset] of must)
    if (!found.has(key))
      problems.push(
        `${key} is not as of ${offset}, and the store is complete to ${progress.complete}`,
      )
  return problems
}
