import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { Spool, type SpoolOptions } from '../../collect/spool.ts'
import type { SpoolFrame } from '../../collect/spool-frame.ts'
import { encodeRecordBatch, RecordReader } from '../../protocol/record-batch.ts'
import { systemClock } from '../../runtime/clock.ts'
import { keepingLogger } from './sink-world.ts'

export function openTestSpool(folder: string, options: Partial<SpoolOptions> = {}): Promise<Spool> {
  const logger = keepingLogger()
  return Spool.open({ folder, bytesMax: 2 ** 24, clock: systemClock, logger, ...options })
}

export function frameOf(topic: string, values: readonly string[], at = 1): SpoolFrame {
  const records = values.map(value => ({ key: 'key', value }))
  return { topic, at, batch: encodeRecordBatch(records, { now: at }) }
}

/** Values of the first frames, one read each; they are done. */
export async function takeSome(spool: Spool, frames: number): Promise<string[]> {
  const values: string[] = []
  for (let count = 0; count < frames; count++) {
    const read = await spool.read(1)
    if (read === undefined) break
    values.push(...read.frames.flatMap(valuesOf))
    await spool.advance(read)
  }
  return values
}

/** All values that are left; they are done. With `forGood` false a spool opened anew has them again. */
export async function takeAll(spool: Spool, forGood = true): Promise<string[]> {
  if (forGood) return takeSome(spool, Number.POSITIVE_INFINITY)
  const read = await spool.read(2 ** 24)
  return read?.frames.flatMap(valuesOf) ?? []
}

/** Paths of the files with records, in order. */
export async function spoolFiles(folder: string): Promise<string[]> {
  const names = await readdir(folder)
  return names
    .filter(name => name.endsWith('.spool'))
    .sort()
    .map(name => join(folder, name))
}

function valuesOf({ batch }: SpoolFrame): string[] {
  const reader = new RecordReader(batch)
  const values: string[] = []
  while (reader.next()) values.push(reader.value()?.toString() ?? '')
  return values
}

/** Where a collector keeps what no topic took. */
export const asideFolder = (data: string, instance: string) =>
  join(data, 'collect', instance, 'refused')

/** Leaves records there, as a collector does, with keys `key-0` and so on, at 1 s after the epoch. */
export async function setAsideAt(
  data: string,
  instance: string,
  values: readonly (string | Uint8Array)[],
): Promise<void> {
  const spool = await openTestSpool(asideFolder(data, instance))
  const at = 1_000
  for (const [number, value] of values.entries()) {
    const batch = encodeRecordBatch([{ key: `key-${number}`, value }], { now: at })
    await spool.append([{ topic: 'events', at, batch }])
  }
  await spool.close()
}
