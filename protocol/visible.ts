import { controlType, readBatchHeader } from './batch-header.ts'
import { asBuffer } from './reader.ts'

/** One aborted transaction, as a fetch answer names it. */
export interface AbortedTransaction {
  readonly producerId: number
  readonly firstOffset: number
}

/**
 * What a reader of committed records may see of a fetch answer: whole batches that are neither control batches
 * nor part of an aborted transaction; no copy is made where all is visible. A batch that is cut off at the end
 * is dropped. `next` is the position after the last whole batch, seen or not; `fetchOffset` where there is none.
 *
 * The first batch may begin before `fetchOffset`: who reads the records skips those below.
 *
 * A producer's batches are aborted from its transaction's first offset to its abort marker, after which a next
 * aborted transaction of the same producer may begin; several producers may overlap. (The Java consumer's
 * `CompletedFetch` does the same.)
 */
export function visibleBatches(
  recordSet: Uint8Array,
  fetchOffset: number,
  aborted: readonly AbortedTransaction[],
): { records: Uint8Array; next: number } {
  const bytes = asBuffer(recordSet)
  // A broker orders them by their end.
  const begins =
    aborted.length < 2 ? aborted : [...aborted].sort((a, b) => a.firstOffset - b.firstOffset)
  const runs = new Runs(bytes)
  const aborting = new Set<number>()
  let begun = 0
  let next = fetchOffset
  let header = readBatchHeader(bytes, 0)
  while (header !== undefined) {
    for (; startsBy(begins[begun], header.lastOffset); begun++) {
      aborting.add((begins[begun] as AbortedTransaction).producerId)
    }
    next = Math.max(next, header.lastOffset + 1)
    if (header.control) {
      if (controlType(bytes, header) === 'abort') aborting.delete(header.producerId)
    } else if (!(header.transactional && aborting.has(header.producerId))) {
      runs.add(header.position, header.position + header.byteLength)
    }
    header = readBatchHeader(bytes, header.position + header.byteLength)
  }
  return { records: runs.join(), next }
}

function startsBy(transaction: AbortedTransaction | undefined, offset: number): boolean {
  return transaction !== undefined && transaction.firstOffset <= offset
}

/** Joins byte ranges, copying only when there is a gap between two. */
class Runs {
  private readonly bytes: Buffer
  private readonly done: Buffer[] = []
  private start = 0
  private end = 0

  constructor(bytes: Buffer) {
    this.bytes = bytes
  }

  add(start: number, end: number): void {
    if (start !== this.end) {
      this.flush()
      this.start = start
    }
    this.end = end
  }

  join(): Buffer {
    if (this.done.length === 0) return this.bytes.subarray(this.start, this.end)
    this.flush()
    return Buffer.concat(this.done)
  }

  private flush(): void {
    if (this.end > this.start) this.done.push(this.bytes.subarray(this.start, this.end))
  }
}
