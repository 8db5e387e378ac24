import type { PartitionLog } from './partition-log.ts'
export async function compact(_partition: PartitionLog, _signal: AbortSignal): Promise<void> {}
