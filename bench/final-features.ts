import { topicRecords } from '../cli/topic-records.ts'
import type { Log } from '../runtime/log.ts'
import { hashOfFeatures } from './features-hash.ts'
import type { UserFeatures } from './naive.ts'

/** What a run left in its output topic. */
export interface FinalFeatures {
  readonly hash: string
  readonly users: number
  /** Rows in the topic: as many as events for an engine that writes one for each, fewer for one that coalesces. */
  readonly rows: number
}

/** Reads an output topic to its end; the newest row of each user counts. */
export async function finalFeatures(log: Log, topic: string): Promise<FinalFeatures> {
  const newest = new Map<string, string>()
  let rows = 0
  for await (const { key, value } of topicRecords(log, topic)) {
    if (key === null || value === null) continue
    rows += 1
    newest.set(key, value.toString())
  }
  return { hash: hashOfFeatures(parsed(newest)), users: newest.size, rows }
}

/** Ours wraps the features in a row, the peers' name the user among them. */
function* parsed(rows: ReadonlyMap<string, string>): Generator<UserFeatures> {
  for (const [user, text] of rows) {
    const row = JSON.parse(text) as UserFeatures | { features: Omit<UserFeatures, 'user'> }
    yield 'features' in row ? { ...row.features, user } : { ...row, user }
  }
}
