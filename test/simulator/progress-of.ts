import type { Job } from '../../jobs/job.ts'
import { outputTopics } from '../../runtime/outputs.ts'
import {
  type CommittedProgress,
  markerKey,
  parseMarker,
  parseMetadata,
} from '../../runtime/progress.ts'
import type { Take } from './naive-model.ts'
import type { SimCluster } from './sim-cluster.ts'
import type { StoredRecord } from './sim-partition.ts'
import { offsetKey } from './sim-transactions.ts'

/** What people and retention did in a run; all that they did not do is a mistake when it is seen. */
export interface Upheaval {
  /** Every definition of the job that was at work, the first one first. */
  readonly definitions: readonly Job<unknown>[]
  /** Retention took records before a task had taken them, and a person accepted that. */
  readonly lossAccepted: boolean
  /** The input was made anew, and the era raised. */
  readonly madeAnew: boolean
  /** The group forgot its offsets. */
  readonly forgotten: boolean
}

/**
 * What one partition's markers say: which records were taken, in which order and under which definition. And
 * every breach of what must hold of them: they never go back, pass over nothing that was there, and the last
 * one is what the committed offset names.
 */
export function progressOf(
  cluster: SimCluster,
  input: string,
  partition: number,
  upheaval: Upheaval,
): { takes: Take<unknown>[]; last: CommittedProgress | undefined; problems: string[] } {
  const problems: string[] = []
  const takes: Take<unknown>[] = []
  const [first] = upheaval.definitions
  if (!first) throw new Error('expected a definition of the job')
  const topics = outputTopics(first.name)
  const inputs = cluster.everyInput(input, partition).map(each => each.everCommitted())
  const starts = cluster.everyInput(input, partition).map(({ start }) => start)
  const jobOf = (hash: string) => upheaval.definitions.find(job => job.hash === hash) ?? first

  let before: CommittedProgress | undefined
  let at = 0 // which of the inputs, if it was made anew
  for (const { value, offset } of cluster.partition(topics.changelog, partition).everCommitted()) {
    const marker = value && parseMarker(String(value), offset)
    if (!marker) continue // a state
    if (before) checkOrder(marker, before)
    const from = marker.era === before?.era || before === undefined ? (before?.next ?? 0) : 0
    if (marker.last >= 0 && marker.last !== before?.last) {
      const found = inputs.findIndex(
        (records, index) => index >= at && holds(records, marker.last, marker.appendedAt),
      )
      if (found < 0) problems.push(`${marker.last} was taken last, and no record is there`)
      else at = found
      take(between(inputs[at] ?? [], from, marker.last + 1), marker)
    }
    checkPassed(marker, Math.max(from, marker.last + 1))
    before = marker
  }
  if (before) take(between(inputs.at(-1) ?? [], before.next), before) // what should have been
  checkCommitted(before)
  return { takes, last: before, problems: problems.map(each => `partition ${partition}: ${each}`) }

  function take(records: readonly StoredRecord[], { hash, era }: CommittedProgress): void {
    for (const record of records) takes.push({ record, job: jobOf(hash), era })
  }

  function checkOrder(marker: CommittedProgress, { next, era, ...rest }: CommittedProgress): void {
    if (marker.next < next && marker.era === era)
      problems.push(`a commit went back from ${next} to ${marker.next}`)
    if (marker.history !== rest.history)
      problems.push(`history ${rest.history} became ${marker.history}`)
    if (marker.era < era || (marker.era > era && !upheaval.madeAnew))
      problems.push(`era ${era} became ${marker.era}`)
    const changes = marker.hash === rest.hash ? 0 : 1
    const raised = marker.generation - rest.generation
    if (raised < changes || (raised > changes && upheaval.definitions.length === 1))
      problems.push(
        `generation ${rest.generation} of ${rest.hash} became ${marker.generation} of ${marker.hash}`,
      )
    if (marker.watermark !== undefined && marker.watermark < (rest.watermark ?? -Infinity))
      problems.push(`the watermark went back from ${rest.watermark} to ${marker.watermark}`)
  }

  /** Between the last record taken and the next there may be control and aborted records only, or lost ones. */
  function checkPassed({ next }: CommittedProgress, from: number): void {
    const [passed] = between(inputs[at] ?? [], from, next)
    const begins = before === undefined
    const lost = passed && next <= (starts[at] ?? 0) && (upheaval.lossAccepted || begins)
    if (passed && !lost) problems.push(`${next} was committed, and ${passed.offset} not taken`)
  }

  function checkCommitted(last: CommittedProgress | undefined): void {
    const key = offsetKey(topics.commits, input, partition)
    const committed = cluster.transactions.committed.get(key)
    if (!last) problems.push('no marker is committed')
    if (!committed && !upheaval.forgotten) problems.push('no offset is committed')
    const named = committed && parseMetadata(committed)
    if (committed && (named?.changelog !== last?.changelog || committed.next !== last?.next)) {
      problems.push(
        `offset ${committed.next} names the marker at ${named?.changelog}, the last one is at ${last?.changelog} with ${last?.next}`,
      )
    }
    const lastInput = inputs.at(-1)?.at(-1)?.offset ?? -1
    if (last && last.next <= lastInput && lastInput >= (starts.at(-1) ?? 0))
      problems.push(`${last.next} is committed, the input's last record is ${lastInput}`)
  }
}

function between(records: readonly StoredRecord[], from: number, to = Infinity): StoredRecord[] {
  return records.filter(({ offset }) => offset >= from && offset < to)
}

function holds(records: readonly StoredRecord[], offset: number, time: number): boolean {
  return records.some(record => record.offset === offset && Math.floor(record.time) === time)
}

export const isMarker = ({ key }: StoredRecord): boolean => key === markerKey
