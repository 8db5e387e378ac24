import { Packr } from 'msgpackr'
import { CodecError, corrupt, describe } from './codec-error.ts'
import { StateReader } from './state-reader.ts'
import type { StateWriter } from './state-writer.ts'

export { CodecError } from './codec-error.ts'

/**
 * One key's encoded state, as it stands in the changelog and in the local store:
 *
 *     byte 0      format version, 2
 *     bytes 1–8   the time of the key's next timer, epoch ms, double, big-endian; NaN: none
 *     bytes 9–    what was written, as in state-tags.ts; in format version 1 one value, in MessagePack
 *
 * The timer stands outside the rest, so that a restore indexes it without decoding that.
 */
export const stateFormatVersion = 2
const firstVersion = 1
const timerStart = 1
const contentStart = 9

/** Bytes are copied out, as a state goes on changing while the buffer that it was read from may still be written. */
const packr = new Packr({ useRecords: false, copyBuffers: true })
const head = new Uint8Array(contentStart)
head[0] = stateFormatVersion

/** Begins a state. The content follows, by the writer's own methods. */
export function beginState(to: StateWriter, timerAt: number | undefined): void {
  to.clear()
  to.raw(head)
  to.doubleAt(timerStart, timerAt ?? Number.NaN)
}

/** Reads the content of a state, also of one that is of format version 1. Throws a `CodecError` for other bytes. */
export function openState(bytes: Uint8Array): StateReader {
  checkHead(bytes)
  if (bytes[0] === stateFormatVersion) return new StateReader(bytes, contentStart)
  try {
    const value: unknown = packr.unpack(bytes, { start: contentStart, end: bytes.length })
    return new StateReader(bytes, contentStart, { value })
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error)
    const problem = `, which is none (${reason.slice(0, 100)})`
    throw corrupt(bytes, 'MessagePack after the head of an encoded state', problem, error)
  }
}

/** Time of the key's next timer, epoch ms; `undefined`: it has none. Reads only the head. */
export function timerAt(bytes: Uint8Array): number | undefined {
  checkHead(bytes)
  const time = new DataView(bytes.buffer, bytes.byteOffset, contentStart).getFloat64(timerStart)
  return Number.isNaN(time) ? undefined : time
}

function checkHead(bytes: Uint8Array): void {
  const isLong = bytes.length > contentStart
  if (isLong && (bytes[0] === stateFormatVersion || bytes[0] === firstVersion)) return
  if (!isLong) throw corrupt(bytes, `an encoded state of at least ${contentStart + 1} bytes`, '')
  throw new CodecError(
    'unknown_version',
    `expected an encoded state of format version ${stateFormatVersion} or ${firstVersion}; found ${describe(bytes)}. ` +
      'A newer Millrace may have written it: run that one, or start the job under a new name, which builds its state anew.',
  )
}
