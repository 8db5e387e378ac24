import { type OutgoingRecord, RecordPack, RecordReader } from '../../protocol/record-batch.ts'
import type { Packer } from '../../runtime/appends.ts'
import type { Append, PackedAppend } from '../../runtime/log.ts'

/** The records of an append, which may be packed. */
export function unpacked(records: (Append | PackedAppend)['records']): readonly OutgoingRecord[] {
  if (!(records instanceof RecordPack)) return records
  const reader = new RecordReader(records.seal({ now: 0 }))
  const all: OutgoingRecord[] = []
  while (reader.next()) {
    const [key, value] = [reader.key(), reader.value()]
    all.push({ key, value, headers: reader.headers() })
  }
  return all
}

/** What a packer has packed. */
export function packedIn(packer: Packer): OutgoingRecord[] {
  return packer.appends('', 0).flatMap(({ records }) => [...unpacked(records)])
}
