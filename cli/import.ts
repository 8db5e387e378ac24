import { type CollectClient, CollectError } from '../collect/collect-client.ts'
import { writePosition } from '../collect/position-file.ts'
import { inBatches } from '../collect/row-batches.ts'
import type { Clock } from '../runtime/clock.ts'
import type { ImportKind } from './import-columns.ts'
import { type ImportPosition, rowId } from './import-position.ts'
import type { FileRow, GoodRow } from './import-rows.ts'
import type { ReplayedEvent } from './replay.ts'

export interface ImportOptions {
  readonly kind: ImportKind
  /** Of the file: `importName`. */
  readonly name: string
  /** All rows of the file, from the first on. */
  readonly rows: AsyncIterable<FileRow>
  /** Where to go on. */
  readonly from: ImportPosition
  readonly positionPath: string
  readonly client: Pick<CollectClient, 'send'>
  readonly clock: Clock
  /** Ends it after the rows under way; it can go on from there. */
  readonly signal: AbortSignal
  /** Whether a row is of somebody who was erased after it; of nobody when left out. */
  readonly isErased?: ((event: ReplayedEvent) => boolean) | undefined
  /** A row that was left out, or that collect rejected. */
  readonly onBadLine: (line: number, reason: string) => void
  readonly onProgress: (position: ImportPosition, line: number) => void
}

const chunkRows = 500
/** Writing the position waits for the disk; rows that are sent again for want of it do no harm. */
const writeEveryMs = 1_000

/**
 * Sends a file's rows to collect, in their order, and answers how far it came. The position follows behind what
 * collect has taken: an import that dies goes on there, and sends a second's rows again at most, with the same ids.
 * Rejects with a `CollectError` where collect refuses, and the position says how far it was.
 */
export async function importRows(options: ImportOptions): Promise<ImportPosition> {
  const { rows, from, positionPath, clock, signal, onProgress } = options
  let position = from
  let seen = 0
  let chunk: FileRow[] = []
  let writtenAt = clock.elapsed()
  const finish = async () => {
    const last = chunk.at(-1)
    if (last === undefined) return
    position = await sendChunk(options, position, chunk)
    chunk = []
    onProgress(position, last.line)
    if (clock.elapsed() - writtenAt < writeEveryMs) return
    await writePosition(positionPath, position)
    writtenAt = clock.elapsed()
  }
  try {
    for await (const row of rows) {
      if (++seen <= from.rows) continue
      chunk.push(row)
      if (chunk.length >= chunkRows) await finish()
      if (signal.aborted) break
    }
    await finish()
    position = { ...position, done: !signal.aborted }
  } catch (error) {
    if (!(error instanceof CollectError) || error.code !== 'interrupted') throw error
  } finally {
    await writePosition(positionPath, position)
  }
  return position
}

async function sendChunk(
  { kind, name, client, onBadLine, isErased = () => false }: ImportOptions,
  position: ImportPosition,
  chunk: readonly FileRow[],
): Promise<ImportPosition> {
  const whole = chunk.filter(row => 'row' in row)
  const good = whole.filter(({ row }) => !isErased({ key: keyOf(row), value: JSON.stringify(row) }))
  const bad = chunk.filter(row => 'fault' in row)
  for (const { line, fault } of bad) onBadLine(line, fault)
  let accepted = 0
  let rejected = 0
  const sent =
    kind === 'products'
      ? good.map(({ row }) => row)
      : good.map(each => withId(each, name, position))
  for (const { body, first, count } of inBatches(sent, kind)) {
    const taken = await client.send(`/v1/${kind}`, body)
    for (const { index, path, reason } of taken.rejected)
      onBadLine(good[first + index]?.line ?? 0, `${path} ${reason}`.trim())
    accepted += taken.accepted
    rejected += count - taken.accepted
  }
  return {
    ...position,
    rows: position.rows + chunk.length,
    accepted: position.accepted + accepted,
    bad: position.bad + bad.length + rejected,
    erased: position.erased + whole.length - good.length,
  }
}

function keyOf({ userId, anonymousId }: GoodRow['row']): string | null {
  for (const id of [userId, anonymousId])
    if (typeof id === 'number' || (typeof id === 'string' && id !== '')) return String(id)
  return null
}

/** A row that is sent twice must be one event. */
function withId(
  { row, line }: GoodRow,
  name: string,
  position: ImportPosition,
): Readonly<Record<string, unknown>> {
  const { messageId } = row
  const hasOwn = messageId !== undefined && messageId !== null && messageId !== ''
  return hasOwn ? row : { ...row, messageId: rowId(name, position, line, row) }
}
