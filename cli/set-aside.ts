import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { unpack } from 'msgpackr'
import { decodeFrame } from '../collect/spool-frame.ts'
import { SEGMENT_START, segmentNumber } from '../collect/spool-segment.ts'
import { RecordReader } from '../protocol/record-batch.ts'
import { entriesOf } from './entries-of.ts'

/** A record that no topic took: a collector of this machine keeps it for a person. */
export interface SetAsideRecord {
  /** That it lies in. */
  readonly file: string
  /** Epoch ms. */
  readonly at: number
  /** That did not take it. */
  readonly topic: string
  readonly key: string | null
  /** Of its value; `undefined` where that is not ours to read. */
  readonly event: unknown
  readonly bytes: number
}

/** What collectors have set aside below `--data`, by file; their processes may go on meanwhile. */
export async function* readSetAside(data: string): AsyncGenerator<SetAsideRecord> {
  const collectors = join(data, 'collect')
  for (const instance of await entriesOf(collectors)) {
    const folder = join(collectors, instance, 'refused')
    for (const name of await entriesOf(folder))
      if (segmentNumber(name) !== undefined) yield* recordsIn(join(folder, name))
  }
}

/** Ends at the last whole frame, since one may just be written. A file has 16 MiB, or one frame. */
async function* recordsIn(file: string): AsyncGenerator<SetAsideRecord> {
  const bytes = await readFile(file)
  for (let at = SEGMENT_START; ; ) {
    const frame = decodeFrame(bytes, at)
    if (frame === 'bad' || 'cut' in frame) return
    const reader = new RecordReader(frame.batch)
    while (reader.next()) {
      const value = reader.value()
      const key = reader.key()?.toString() ?? null
      const { topic, at } = frame
      yield { file, at, topic, key, event: value && read(value), bytes: value?.length ?? 0 }
    }
    at = frame.end
  }
}

function read(value: Uint8Array): unknown {
  try {
    return unpack(value)
  } catch (error) {
    if (error instanceof Error) return undefined
    throw error
  }
}
