import { createRequire } from 'node:module'
import type { Message } from 'kafkajs'

/** kafkajs's own encoder and decoder of record batches, which it does not export: the other side of a comparison. */
const require = createRequire(import.meta.url)

export interface KafkajsRecord {
  readonly offset: string
  readonly timestamp: string
  readonly key: Buffer | null
  readonly value: Buffer | null
  readonly headers: Readonly<Record<string, Buffer | Buffer[]>>
  readonly isControlRecord: boolean
}

interface KafkajsBytes {
  encode(records: readonly Message[], options: object): Promise<Buffer>
  decode(batch: Buffer): Promise<KafkajsRecord[]>
  partition(key: Buffer, partitions: number): number
}

export const kafkajsBytes: KafkajsBytes = {
  async encode(records, options) {
    const { RecordBatch } = require('kafkajs/src/protocol/recordBatch/v0/index.js')
    const Record = require('kafkajs/src/protocol/recordBatch/record/v0/index.js')
    const encoded = await RecordBatch({
      ...options,
      records: records.map((record, offsetDelta) =>
        Record({ ...record, offsetDelta, timestampDelta: 0 }),
      ),
      lastOffsetDelta: records.length - 1,
    })
    return encoded.buffer
  },
  async decode(batch) {
    const Decoder = require('kafkajs/src/protocol/decoder.js')
    const decodeBatch = require('kafkajs/src/protocol/recordBatch/v0/decoder.js')
    const { records } = await decodeBatch(new Decoder(batch))
    return records
  },
  partition(key, partitions) {
    const partitioner = require('kafkajs/src/producer/partitioners/default/index.js')()
    const partitionMetadata = Array.from({ length: partitions }, (_, partitionId) => ({
      partitionId,
      leader: 1,
    }))
    return partitioner({ topic: 't', partitionMetadata, message: { key } })
  },
}
