import { existsSync, mkdirSync, rmSync, statSync } from 'node:fs'
import { join } from 'node:path'
import {
  encodeRecordBatch,
  type OutgoingRecord,
  RecordReader,
  readBatchHeader,
  writeInt64,
} from '../protocol/record-batch.ts'
import type { BrokerLog } from './log.ts'
import { Segment } from './segment.ts'

export interface JournalOptions {
  readonly folder: string
  readonly log: BrokerLog
}

const REWRITE_BYTES_MIN = 8 * 1024 * 1024
const REWRITE_RECORDS = 500

/**
 * What the broker itself must remember (topics, committed offsets, transactions): a map from text to JSON, held in
 * memory and in one file of record batches, as topics are. A change of several keys is one batch, so it is there
 * whole or not at all. The file is written anew when it has become four times as long as it needs to be.
 */
export class Journal<V> {
  private readonly options: JournalOptions
  private readonly entries = new Map<string, V>()
  private file: Segment
  private neededBytes: number

  /** `parse` refuses, by throwing, what a newer version may have written. */
  constructor(options: JournalOptions, parse: (value: unknown) => V) {
    this.options = options
    mkdirSync(options.folder, { recursive: true })
    rmSync(new Segment(options.folder, 0, '.log.new').path, { force: true })
    this.file = new Segment(options.folder, 0)
    const bytes = existsSync(this.file.path) ? statSync(this.file.path).size : 0
    const problem = this.file.recover(0, bytes, batch => this.load(batch, parse))
    if (problem !== undefined) {
      options.log({
        level: 'warn',
        message: `cut off ${bytes - this.file.byteLength} bytes: ${problem}`,
      })
      this.file.cutTail()
    }
    this.neededBytes = this.file.byteLength
  }

  get(key: string): V | undefined {
    return this.entries.get(key)
  }

  values(): IterableIterator<[key: string, value: V]> {
    return this.entries.entries()
  }

  /** All changes or none; undefined deletes. On disk, as far as the operating system, when it returns. */
  change(changes: readonly (readonly [key: string, value: V | undefined])[], now: number): void {
    if (changes.length === 0) return
    this.append(this.file, changes, now)
    for (const [key, value] of changes) {
      if (value === undefined) this.entries.delete(key)
      else this.entries.set(key, value)
    }
    if (this.file.byteLength > this.neededBytes * 4 + REWRITE_BYTES_MIN) this.rewrite(now)
  }

  close(): void {
    this.file.sync()
    this.file.close()
  }

  private load(batch: Buffer, parse: (value: unknown) => V): void {
    const reader = new RecordReader(batch)
    while (reader.next()) {
      const key = reader.keyString() ?? ''
      const value = reader.value()
      if (value === null) this.entries.delete(key)
      else this.entries.set(key, parse(JSON.parse(value.toString('utf8'))))
    }
  }

  private append(
    file: Segment,
    changes: readonly (readonly [string, V | undefined])[],
    now: number,
  ): void {
    const records = changes.map(
      ([key, value]): OutgoingRecord => ({
        key,
        value: value === undefined ? null : JSON.stringify(value),
      }),
    )
    const batch = encodeRecordBatch(records, { now })
    writeInt64(batch, file.nextOffset, 0)
    const header = readBatchHeader(batch, 0)
    if (header !== undefined) file.append(batch, header, now)
  }

  private rewrite(now: number): void {
    const fresh = new Segment(this.options.folder, 0, '.log.new')
    const entries = [...this.entries]
    for (let at = 0; at < entries.length; at += REWRITE_RECORDS)
      this.append(fresh, entries.slice(at, at + REWRITE_RECORDS), now)
    fresh.sync()
    this.file.close()
    fresh.moveTo(join(this.options.folder, '00000000000000000000.log'))
    this.file = fresh
    this.neededBytes = fresh.byteLength
  }
}
