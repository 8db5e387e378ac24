import { readdir } from 'node:fs/promises'
import type { SpoolPosition } from './spool-position.ts'
import { SEGMENT_START, SpoolSegment, segmentNumber } from './spool-segment.ts'

export interface SpoolLogger {
  info(fields: object, message: string): void
  warn(fields: object, message: string): void
  error(fields: object, message: string): void
}

export interface RecoveredSpool {
  /** In order; each has frames. */
  readonly segments: SpoolSegment[]
  readonly position: SpoolPosition
  /** Records after the position. */
  readonly records: number
  readonly nextNumber: number
}

/**
 * What a process left in the folder, however it ended. The tail of the last file is cut off where it was torn:
 * nobody was told that it is safe. Files before the position are removed.
 */
export async function recoverSegments(
  folder: string,
  remembered: SpoolPosition | undefined,
  logger: SpoolLogger,
): Promise<RecoveredSpool> {
  const found = (await readdir(folder)).map(segmentNumber).filter(each => each !== undefined)
  const numbers = found.sort((one, other) => one - other)
  const segments: SpoolSegment[] = []
  let position = remembered ?? { segment: 0, byte: SEGMENT_START }
  let records = 0
  for (const number of numbers) {
    const segment = new SpoolSegment(folder, number)
    if (number < position.segment) {
      await segment.remove()
      continue
    }
    const from = number === position.segment ? position.byte : SEGMENT_START
    const counted = await countFrom(segment, from)
    if (!counted.aligned) {
      logger.warn({ folder, ...position }, 'a file of the spool is drained again from its start')
      position = { segment: number, byte: SEGMENT_START }
    }
    await mend(segment, number === numbers.at(-1), { folder, segment: number }, logger)
    if (segment.end === SEGMENT_START) continue
    records += counted.records
    segments.push(segment)
  }
  const nextNumber = Math.max(position.segment, ...numbers) + 1
  return { segments, position, records, nextNumber }
}

/** Records after `byte`; all of them where no frame ends there. */
async function countFrom(
  segment: SpoolSegment,
  byte: number,
): Promise<{ aligned: boolean; records: number }> {
  let aligned = byte === SEGMENT_START
  let all = 0
  let left = 0
  await segment.recover(frame => {
    if (frame.end === byte) aligned = true
    if (frame.end > byte) left += frame.records
    all += frame.records
  })
  return { aligned, records: aligned ? left : all }
}

/** What lies after the last good frame is cut off, or kept where more than a torn write may have been there. */
async function mend(
  segment: SpoolSegment,
  isLast: boolean,
  where: object,
  logger: SpoolLogger,
): Promise<void> {
  const bytes = segment.bytes - segment.end
  if (bytes > 0 && !isLast) {
    logger.error({ ...where, bytes }, 'the disk has spoilt a part of the spool; its file is kept')
    if (segment.end === SEGMENT_START) await segment.putAside()
    return
  }
  if (segment.end === SEGMENT_START) return segment.remove()
  if (bytes > 0) {
    logger.info({ ...where, bytes }, 'cut off what was being spooled when the process ended')
    await segment.cutTail()
  }
}
