import {
  guessBytes,
  type OutgoingRecord,
  RECORD_OVERHEAD_BYTES,
  RecordPack,
} from '../protocol/record-batch.ts'
import type { PackedAppend } from './log.ts'

/** Most bytes of one record batch: a broker's default limit is 1 MiB, for the whole batch. */
const batchBytesMax = 512 * 1024

/** Packs records of one partition, as they come, into batches that a broker takes. One larger than that is a batch alone. */
export class Packer {
  readonly #packs: RecordPack[] = []
  readonly #countGuess: number
  #count = 0
  #pack: RecordPack | undefined
  /** Of the packs before the last. */
  #bytesBefore = 0

  /** `countGuess`: about so many records will come. */
  constructor(countGuess: number) {
    this.#countGuess = countGuess
  }

  get count(): number {
    return this.#count
  }

  /** Of all batches as they are now. */
  get byteLength(): number {
    return this.#bytesBefore + (this.#pack?.byteLength ?? 0)
  }

  /** What was packed, to be sent there. */
  appends(topic: string, partition: number): PackedAppend[] {
    return this.#packs.map(records => ({ topic, partition, records }))
  }

  add(record: OutgoingRecord): void {
    this.#packFor(guessBytes(record)).add(record)
  }

  /** Adds what was written elsewhere (see `RecordPack.addWritten`), and answers where the value lies from now on. */
  addWritten(key: string, from: Uint8Array, valueBytes: number, end: number): Uint8Array | null {
    const bytes = Math.ceil(1.1 * (RECORD_OVERHEAD_BYTES + key.length + end))
    return this.#packFor(bytes).addWritten(key, from, valueBytes, end)
  }

  /** Adds what another has packed, behind what is here; the other is of no use afterwards. */
  join(other: Packer): void {
    if (other.#pack === undefined) return
    this.#bytesBefore += (this.#pack?.byteLength ?? 0) + other.#bytesBefore
    this.#packs.push(...other.#packs)
    this.#pack = other.#pack
    this.#count += other.#count
  }

  /** `bytes`: about those of the record that is to be added. */
  #packFor(bytes: number): RecordPack {
    const left = this.#countGuess - this.#count++
    if (this.#pack && this.#pack.byteLength + bytes <= batchBytesMax) return this.#pack
    // Where more have come than were thought of, another batch may be filled as the last one was.
    const count = left > 0 ? left : this.#pack ? batchBytesMax : 1
    const pack = new RecordPack(Math.min(count * bytes, Math.max(bytes, batchBytesMax)))
    this.#bytesBefore += this.#pack?.byteLength ?? 0
    this.#pack = pack
    this.#packs.push(pack)
    return pack
  }
}

export function packed(
  topic: string,
  partition: number,
  records: readonly OutgoingRecord[],
): PackedAppend[] {
  const packer = new Packer(records.length)
  for (const record of records) packer.add(record)
  return packer.appends(topic, partition)
}

/**
 * The sends of one commit, in order: each carries at most one batch of a partition, and `last` ends the last
 * batch of its partition in the last send, after everything else.
 */
export function planSends(
  groups: readonly (readonly PackedAppend[])[],
  last: { topic: string; partition: number; record: OutgoingRecord },
): PackedAppend[][] {
  const sends: PackedAppend[][] = []
  for (const batches of groups) {
    for (const [index, batch] of batches.entries()) {
      const send = sends[index]
      if (send) send.push(batch)
      else sends.push([batch])
    }
  }
  const end = sends.at(-1) ?? []
  if (sends.length === 0) sends.push(end)
  const found = end.find(
    ({ topic, partition }) => topic === last.topic && partition === last.partition,
  )
  if (found) found.records.add(last.record)
  else end.push(...packed(last.topic, last.partition, [last.record]))
  return sends
}
