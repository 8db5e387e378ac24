import type { StoreProgress, TimerEntry } from './store.ts'

/**
 * How the keys of one LevelDB hold three things apart. Bytewise order is order of meaning:
 *
 *     f                                 format version of the whole store, decimal
 *     p                                 progress, JSON
 *     s<key, UTF-8>                     a state
 *     t<time, 8 bytes big-endian><key>  a timer; the value is empty
 */
export const formatKey = 'f'
export const progressKey = 'p'
export const stateKey = (key: string): string => `s${key}`
/** Bounds of all states and all timers, the upper one excluded. */
export const statesFrom = 's'
export const statesTo = 't'
export const timersFrom = Buffer.from('t')
export const timersTo = Buffer.from('u')

export const formatVersion = '1'

const timeAt = 1
const nameAt = 9

export function timerKey({ time, key }: TimerEntry): Buffer {
  const bytes = Buffer.allocUnsafe(nameAt + Buffer.byteLength(key))
  bytes[0] = 0x74
  bytes.writeUInt32BE(Math.floor(time / 2 ** 32), timeAt)
  bytes.writeUInt32BE(time >>> 0, timeAt + 4)
  bytes.write(key, nameAt)
  return bytes
}

export function readTimerKey(bytes: Buffer): TimerEntry {
  const time = bytes.readUInt32BE(timeAt) * 2 ** 32 + bytes.readUInt32BE(timeAt + 4)
  return { time, key: bytes.toString('utf8', nameAt) }
}

/** `undefined` for text that is no progress. */
export function parseProgress(text: string): StoreProgress | undefined {
  let parsed: unknown
  try {
    parsed = JSON.parse(text)
  } catch {
    return undefined
  }
  if (typeof parsed !== 'object' || parsed === null) return undefined
  const { history, complete, newest, writtenAt } = parsed as Record<string, unknown>
  if (typeof history !== 'string') return undefined
  if (!isOffset(complete) || !isOffset(newest) || !isOffset(writtenAt)) return undefined
  return { history, complete, newest, writtenAt }
}

function isOffset(value: unknown): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= -1
}
