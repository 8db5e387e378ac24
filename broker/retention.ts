import type { PartitionLog } from './partition-log.ts'

/**
 * Deletes the oldest segments of a topic whose policy is to delete: those whose newest record is older than
 * `retention.ms`, and those without which the log is still `retention.bytes` long. The active segment goes only
 * by age, after a new one has been begun.
 */
export function retain(partition: PartitionLog): void {
  const { config, clock, log, name } = partition.options
  const { 'cleanup.policy': policy, 'retention.ms': ageMs, 'retention.bytes': bytesMax } = config()
  if (!policy.includes('delete') || partition.closed) return
  const before = ageMs < 0 ? -1 : clock.now() - ageMs
  const expired = (segment: { readonly maxTimestamp: number }) => segment.maxTimestamp < before
  if (partition.active.byteLength > 0 && partition.segments.every(expired)) partition.roll()
  let { byteLength } = partition
  let next = partition.startOffset
  for (const segment of partition.segments.slice(0, -1)) {
    byteLength -= segment.byteLength
    if (!expired(segment) && (bytesMax < 0 || byteLength < bytesMax)) break
    next = segment.nextOffset
  }
  // Records of open transactions stay, so that the last stable offset is never below the start.
  const end = Math.min(next, partition.lastStableOffset)
  if (end <= partition.startOffset) return
  partition.deleteBefore(end)
  log({
    level: 'info',
    message: `retention moved the start of ${name} to ${partition.startOffset}`,
  })
}
