import { encodeRecordBatch, type OutgoingRecord } from '../protocol/record-batch.ts'
import { type Batch, type Log, nextOffset, type Reader } from '../runtime/log.ts'

const recordsPerBatch = 2_000
/** As much as one answer of a broker brings a restore. */
const answerBytes = 4 * 1024 * 1024

/** A partition's changelog in memory, and a log that reads it and nothing else. */
export class Changelog {
  readonly records: number
  readonly bytes: number
  readonly #answers: readonly Batch[]

  constructor(records: Iterable<OutgoingRecord>, now: number) {
    const answers: Batch[] = []
    let gathered: OutgoingRecord[] = []
    let packed: Buffer[] = []
    let [offset, fetched, bytes] = [0, 0, 0]
    const pack = () => {
      const batch = encodeRecordBatch(gathered, { now })
      batch.writeBigInt64BE(BigInt(offset), 0)
      offset += gathered.length
      gathered = []
      packed.push(batch)
    }
    const answer = () => {
      const all = Buffer.concat(packed)
      bytes += all.length
      const ends = { start: nextOffset(0), end: nextOffset(0) }
      const range = { fetched: nextOffset(fetched), next: nextOffset(offset) }
      answers.push({ kind: 'batch', partition: 0, records: all, ...range, ...ends })
      fetched = offset
      packed = []
    }
    for (const record of records) {
      gathered.push(record)
      if (gathered.length < recordsPerBatch) continue
      pack()
      if (packed.reduce((sum, { length }) => sum + length, 0) > answerBytes) answer()
    }
    if (gathered.length > 0) pack()
    if (packed.length > 0) answer()
    this.records = offset
    this.bytes = bytes
    this.#answers = answers.map(each => ({ ...each, end: nextOffset(offset) }))
  }

  get log(): Pick<Log, 'reader'> {
    return { reader: () => this.#reader() }
  }

  #reader(): Reader {
    const left = [...this.#answers]
    const nothing = () => undefined
    return {
      ...{ seek: nothing, pause: nothing, resume: nothing, drop: nothing },
      poll: async () => left.splice(0, 1),
      close: async () => undefined,
    }
  }
}
