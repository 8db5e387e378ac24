import { outputTopics } from '../../runtime/outputs.ts'
import { ERASE } from './identity-job.ts'
import type { SimCluster } from './sim-cluster.ts'

/**
 * Over all keys: what was absorbed anywhere stands in one row in the end, that of whose it is, once; and what
 * stands in none is late, dead, or was erased.
 */
export function checkIdentity(cluster: SimCluster, job: string, input: string): string[] {
  const topics = outputTopics(job)
  const rows = new Map<string, readonly string[]>()
  for (const partition of cluster.partitions(topics.features))
    for (const { key, value } of partition.everCommitted()) {
      if (value === null) rows.delete(String(key))
      else rows.set(String(key), JSON.parse(String(value)).features.ids)
    }
  const problems: string[] = []
  const owner = new Map<string, string>()
  for (const [key, ids] of rows)
    for (const id of ids) {
      // A merge and a link may stand there too: they are events as well.
      const before = owner.get(id)
      if (before !== undefined) problems.push(`${id} stands in the rows of ${before} and ${key}`)
      owner.set(id, key)
    }
  const excused = new Set<string>()
  for (const topic of [topics.late, topics.dead])
    for (const partition of cluster.partitions(topic))
      for (const { value } of partition.everCommitted())
        for (const [id] of String(value).matchAll(/\bm\d+\b/g)) excused.add(id)
  const sent = cluster
    .partitions(input)
    .flatMap(partition => partition.everCommitted())
    .filter(({ headers }) => headers.rekeyed === undefined)
    .map(({ value }) => JSON.parse(String(value)) as { messageId: string; event: string })
  if (sent.some(({ event }) => event === ERASE)) return problems
  for (const { messageId } of sent)
    if (!owner.has(messageId) && !excused.has(messageId))
      problems.push(`${messageId} stands in no row, and is neither late nor dead`)
  return problems
}
