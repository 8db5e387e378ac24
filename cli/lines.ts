import { createReadStream } from 'node:fs'
import type { Readable } from 'node:stream'
import { createGunzip } from 'node:zlib'

/** A line of a text file; `text` is undefined where it is longer than allowed. */
export interface Line {
  /** The first is 1. */
  readonly number: number
  readonly text: string | undefined
}

const newline = 0x0a

/**
 * The lines of a UTF-8 file, unpacked where its name ends in `.gz`. No more than `bytesMax` of a line is
 * held, so a file that is one endless line does no harm.
 */
export async function* readLines(path: string, bytesMax: number): AsyncGenerator<Line> {
  let number = 0
  let held: Buffer[] = []
  let heldBytes = 0
  const take = (part: Buffer) => {
    heldBytes += part.length
    if (heldBytes > bytesMax) held = []
    else if (part.length > 0) held.push(part)
  }
  const finish = (): Line => {
    number += 1
    const text = heldBytes > bytesMax ? undefined : Buffer.concat(held).toString('utf8')
    held = []
    heldBytes = 0
    return { number, text }
  }

  for await (const chunk of openBytes(path)) {
    const bytes = chunk as Buffer
    let from = 0
    for (let end = bytes.indexOf(newline); end >= 0; end = bytes.indexOf(newline, from)) {
      take(bytes.subarray(from, end))
      yield finish()
      from = end + 1
    }
    take(bytes.subarray(from))
  }
  if (heldBytes > 0) yield finish()
}

/** The file's bytes, unpacked where its name ends in `.gz`. An error of the file itself is thrown to whoever reads the unpacked bytes. */
export function openBytes(path: string): Readable {
  const file = createReadStream(path)
  if (!path.endsWith('.gz')) return file
  const unpacked = createGunzip()
  file.on('error', error => unpacked.destroy(error))
  unpacked.on('close', () => file.destroy())
  return file.pipe(unpacked)
}
