import { mkdir, open, rm } from 'node:fs/promises'
import { join } from 'node:path'

/** A disk that takes so much takes LevelDB's next files. */
const PROBE_BYTES = 256 << 10

/** Rejects where the disk of that folder takes nothing. */
export async function probe(folder: string): Promise<void> {
  const path = join(folder, 'probe')
  try {
    await mkdir(folder, { recursive: true })
    const file = await open(path, 'w')
    try {
      await file.write(Buffer.alloc(PROBE_BYTES, 1))
      await file.sync()
    } finally {
      await file.close()
    }
  } finally {
    await rm(path, { force: true })
  }
}
