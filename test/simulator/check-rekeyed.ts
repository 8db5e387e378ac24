import { Unpackr } from 'msgpackr'
import type { Job, RekeyedEvent } from '../../jobs/job.ts'
import { partitionFor } from '../../protocol/murmur2.ts'
import { rekeyedTopic } from '../../runtime/rekeyed.ts'
import { type Expected, rekeyedId } from './expected.ts'
import type { SimCluster } from './sim-cluster.ts'
import type { StoredRecord } from './sim-partition.ts'

const unpackr = new Unpackr({ useRecords: false })

/** What one partition has rekeyed is what it should have, once and in order. Answers sentences. */
export function checkRekeyed(
  cluster: SimCluster,
  job: Job<unknown>,
  partition: number,
  expected: Expected,
): string[] {
  if (job.rekeys === undefined) return []
  const records = cluster.partition(rekeyedTopic(job.name), partition).everCommitted()
  const found = records.map(({ key, value, headers }) =>
    rekeyedId(
      String(headers.to),
      String(key),
      unpackr.unpack(value ?? Buffer.alloc(0)) as RekeyedEvent,
    ),
  )
  const at = found.findIndex((each, index) => each !== expected.rekeyed[index])
  if (at >= 0) return [`rekeyed ${found[at]} at place ${at}, expected ${expected.rekeyed[at]}`]
  const missing = expected.rekeyed[found.length]
  return missing === undefined ? [] : [`rekeyed ${missing} is missing`]
}

/**
 * Every rekeyed record has come to the partition of its new key, with its content, and for the first time behind
 * all that its partition had rekeyed to there before; and nothing else says that it was rekeyed.
 */
export function checkForwards(cluster: SimCluster, job: Job<unknown>): string[] {
  const problems: string[] = []
  for (const { partition } of cluster.partitions(rekeyedTopic(job.name))) {
    const rekeyed = cluster.partition(rekeyedTopic(job.name), partition).everCommitted()
    const expected = new Map<string, StoredRecord[]>()
    for (const record of rekeyed) {
      const target = homeOf(cluster, record)
      expected.set(target, [...(expected.get(target) ?? []), record])
    }
    for (const topic of job.rekeys ?? [])
      for (const target of cluster.partitions(topic)) {
        const name = `${topic}-${target.partition}`
        const arrived = firstArrivals(target.everCommitted(), `${job.name}/`, partition)
        const found = arrived.map(nameOf)
        const wanted = (expected.get(name) ?? []).map(record => nameOf(asForwarded(record)))
        if (found.join() !== wanted.join())
          problems.push(
            `of ${job.name}.rekeyed-${partition}, ${name} has ${found.join()}, expected ${wanted.join()}`,
          )
      }
  }
  return problems

  function asForwarded(record: StoredRecord): StoredRecord {
    return { ...record, headers: { rekeyed: `offset/${record.offset}` } }
  }
}

function homeOf(cluster: SimCluster, { key, headers }: StoredRecord): string {
  const topic = String(headers.to)
  return `${topic}-${partitionFor(Buffer.from(key ?? ''), cluster.partitions(topic).length)}`
}

function firstArrivals(
  records: readonly StoredRecord[],
  job: string,
  partition: number,
): StoredRecord[] {
  const seen = new Set<string>()
  return records.filter(({ headers }) => {
    const { rekeyed = '' } = headers
    const [, , from] = rekeyed.split('/')
    if (!rekeyed.startsWith(job) || from !== String(partition) || seen.has(rekeyed)) return false
    seen.add(rekeyed)
    return true
  })
}

/** Offset in the topic of the rekeyed, key and content. */
const nameOf = ({ key, value, headers }: StoredRecord): string =>
  `${headers.rekeyed?.split('/').at(-1)} ${key} ${value?.toString('base64').slice(-12)}`
