import { offsetOf } from './row.ts'

/**
 * The highest offset in the versions of each partition's rows. A key stays in its partition, so a row of a later version
 * than all there is newer than its own, too: nobody has to look what that is, which costs ten times as much as to write it.
 */
export class NewestOffsets {
  readonly #offsets: (number | undefined)[]

  /** @param offsets by partition; nothing where it is not known, and every row is doubted */
  constructor(offsets: readonly (number | null | undefined)[] = []) {
    this.#offsets = offsets.map(offset => offset ?? undefined)
  }

  get all(): readonly (number | undefined)[] {
    return [...this.#offsets]
  }

  /** Whether an encoded row may be older than what its key has. */
  doubts(partition: number, row: Buffer | undefined): boolean {
    const offset = this.#offsets[partition]
    return row !== undefined && (offset === undefined || offsetOf(row) <= offset)
  }

  took(
    partition: number,
    changes: readonly (readonly [key: string, row: Buffer | undefined])[],
  ): void {
    let offset = this.#offsets[partition]
    if (offset === undefined) return
    for (const [, row] of changes) if (row !== undefined) offset = Math.max(offset, offsetOf(row))
    this.#offsets[partition] = offset
  }
}
