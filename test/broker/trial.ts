import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { compact } from '../../broker/compaction.ts'
import { PartitionLog } from '../../broker/partition-log.ts'
import { parseTopicConfig } from '../../broker/topic-config.ts'
import { encodeRecordBatch, RecordReader, readBatchHeader } from '../../protocol/record-batch.ts'
import { visibleBatches } from '../../protocol/visible.ts'
import { systemClock } from '../../runtime/clock.ts'

const running = new AbortController().signal

export interface Seen {
  readonly offset: number
  readonly key: string | null
  readonly value: string | null
  readonly timestamp: number
}

/** One partition in a folder of its own, with a clock that the test moves. Compacted at any time where nothing else is said. */
export class Trial {
  log: PartitionLog
  now = 1_790_000_000_000
  private readonly options: ConstructorParameters<typeof PartitionLog>[0]
  private readonly sequences = new Map<number, number>()

  constructor(root: string, overrides: Record<string, string>) {
    const folder = mkdtempSync(join(root, 'trial-'))
    const config = parseTopicConfig({
      'cleanup.policy': 'compact',
      'min.cleanable.dirty.ratio': '0',
      ...overrides,
    })
    const clock = { ...systemClock, now: () => this.now }
    this.options = { folder, name: 'trial-0', clock, log: () => undefined, config: () => config }
    this.log = new PartitionLog(this.options)
  }

  write(records: readonly { key: string; value: string | null }[], producerId = -1): void {
    const sequence = this.sequences.get(producerId) ?? 0
    this.sequences.set(producerId, sequence + records.length)
    const batch = encodeRecordBatch(records, {
      now: this.now,
      ...(producerId >= 0 && {
        producerId,
        producerEpoch: 0,
        baseSequence: sequence,
        transactional: true,
      }),
    })
    const header = readBatchHeader(batch, 0)
    if (header !== undefined) this.log.append(batch, header)
  }

  async compact(): Promise<void> {
    this.log.roll()
    await compact(this.log, running)
  }

  async reopen(clean: boolean): Promise<void> {
    if (clean) await this.log.close()
    this.log = new PartitionLog(this.options)
  }

  /** Everything known must come from the batches again. */
  async loseIndexes(): Promise<void> {
    await this.log.close()
    for (const name of readdirSync(this.options.folder)) {
      if (name.endsWith('.index')) rmSync(join(this.options.folder, name))
    }
    await this.reopen(false)
  }

  /** As a reader of committed records sees it, fetch by fetch. */
  seen(): Seen[] {
    const seen: Seen[] = []
    for (let at = this.log.startOffset; ; ) {
      const { records, aborted } = this.log.read(at, {
        bytesMax: 300,
        committed: true,
        atLeastOne: true,
      })
      const visible = visibleBatches(records, at, aborted)
      const reader = new RecordReader(visible.records)
      while (reader.next()) {
        const value = reader.value()?.toString() ?? null
        if (reader.offset >= at)
          seen.push({
            offset: reader.offset,
            key: reader.keyString(),
            value,
            timestamp: reader.timestamp,
          })
      }
      if (visible.next === at) return seen
      at = visible.next
    }
  }

  values(): string[] {
    return this.seen().map(({ offset, key, value }) => `${offset} ${key}=${value}`)
  }
}
