import type { OutgoingRecord } from '../protocol/record-batch.ts'
import type { Append } from './log.ts'

/** Most bytes of one record batch: a broker's default limit is 1 MiB, for the whole batch. */
const batchBytesMax = 512 * 1024
const recordOverheadGuess = 64

/** Records of one partition cut into batches that a broker takes. One record of more than that is a batch alone. */
export function cutIntoBatches(
  topic: string,
  partition: number,
  records: readonly OutgoingRecord[],
): Append[] {
  const appends: Append[] = []
  let start = 0
  let bytes = 0
  for (let index = 0; index < records.length; index++) {
    const size = sizeOf(records[index] as OutgoingRecord)
    if (index > start && bytes + size > batchBytesMax) {
      appends.push({ topic, partition, records: records.slice(start, index) })
      start = index
      bytes = 0
    }
    bytes += size
  }
  if (start < records.length)
    appends.push({ topic, partition, records: start === 0 ? records : records.slice(start) })
  return appends
}

function sizeOf({ key, value }: OutgoingRecord): number {
  return (key?.length ?? 0) + (value?.length ?? 0) + recordOverheadGuess
}

/**
 * The sends of one commit, in order: each carries at most one batch of a partition, and `last` ends the last
 * batch of its partition in the last send, after everything else.
 */
export function planSends(
  groups: readonly (readonly Append[])[],
  last: { topic: string; partition: number; record: OutgoingRecord },
): Append[][] {
  const sends: Append[][] = []
  for (const batches of groups) {
    for (const [index, batch] of batches.entries()) {
      const send = sends[index]
      if (send) send.push(batch)
      else sends.push([batch])
    }
  }
  const end = sends.at(-1) ?? []
  if (sends.length === 0) sends.push(end)
  const index = end.findIndex(
    ({ topic, partition }) => topic === last.topic && partition === last.partition,
  )
  const found = end[index]
  if (found) end[index] = { ...found, records: [...found.records, last.record] }
  else end.push({ topic: last.topic, partition: last.partition, records: [last.record] })
  return sends
}
