import { apiKeys } from '../protocol/api-keys.ts'
import { errorCodes } from '../protocol/error-codes.ts'
import type { Reader } from '../protocol/reader.ts'
import { Writer } from '../protocol/writer.ts'
import { type Answer, type Api, type BrokerParts, type Request, refusal } from './api.ts'
import type { PartitionLog } from './partition-log.ts'
import type { ReadResult } from './segment-reading.ts'

/** `fetch.max.bytes` of the broker: no answer is larger, except for one batch that alone is. */
const ANSWER_BYTES_MAX = 55 * 1024 * 1024
/** So much is answered also where all memory for answers is taken, so that a reader always gets on. */
const ANSWER_BYTES_LEAST = 64 * 1024
const WAIT_MS_MAX = 5 * 60_000

interface Wanted {
  readonly topic: string
  readonly partition: number
  readonly offset: number
  readonly bytesMax: number
}

interface FetchRequest {
  readonly waitMs: number
  readonly bytesMin: number
  readonly bytesMax: number
  readonly committed: boolean
  readonly topics: readonly { readonly topic: string; readonly partitions: readonly Wanted[] }[]
}

interface Got extends ReadResult {
  readonly wanted: Wanted
  readonly error: number
  readonly log: PartitionLog | undefined
}

/** Fetch sessions are never made: every answer says 0, as a Kafka with all its session slots taken does. */
export const fetch: Api = {
  key: apiKeys.Fetch,
  min: 4,
  max: 11,

  async answer(request: Request, broker: BrokerParts): Promise<Answer> {
    const asked = readRequest(request)
    if (asked.waitMs > 0) await enough(asked, request.gone, broker)
    const allowed = Math.max(request.memory.left, ANSWER_BYTES_LEAST)
    const wanted = { ...asked, bytesMax: Math.min(asked.bytesMax, allowed) }
    let bytesLeft = wanted.bytesMax
    const topics = wanted.topics.map(({ topic, partitions }) => ({
      topic,
      partitions: partitions.map(each => {
        const got = read(each, bytesLeft, wanted, broker)
        bytesLeft -= got.records.length
        return got
      }),
    }))
    request.memory.hold(wanted.bytesMax - bytesLeft)
    return writeAnswer(topics, request.version)

    function read(
      each: Wanted,
      left: number,
      { committed, bytesMax }: FetchRequest,
      { topics }: BrokerParts,
    ): Got {
      try {
        const log = topics.partition(each.topic, each.partition)
        const first = left === bytesMax
        const options = {
          bytesMax: Math.max(Math.min(each.bytesMax, left), 0),
          committed,
          atLeastOne: first,
        }
        return { wanted: each, error: errorCodes.NONE, log, ...log.read(each.offset, options) }
      } catch (error) {
        return {
          wanted: each,
          error: refusal(error).number,
          log: undefined,
          records: Buffer.alloc(0),
          aborted: [],
        }
      }
    }
  },
}

/** Resolves when there is enough to answer, something is wrong with a partition, the time is up or the client gone. */
async function enough(
  wanted: FetchRequest,
  gone: AbortSignal,
  { topics, clock }: BrokerParts,
): Promise<void> {
  const places: { log: PartitionLog; wanted: Wanted }[] = []
  for (const { partitions } of wanted.topics) {
    for (const each of partitions) {
      const log = topics.get(each.topic)?.partitions[each.partition]
      if (log === undefined) return
      places.push({ log, wanted: each })
    }
  }
  const ready = () => {
    let bytes = 0
    for (const { log, wanted: each } of places) {
      if (log.closed || each.offset < log.startOffset || each.offset > log.endOffset) return true
      bytes += log.available(each.offset, {
        committed: wanted.committed,
        bytesMax: each.bytesMax,
        atLeastOne: true,
      })
      if (bytes >= wanted.bytesMin) return true
    }
    return wanted.bytesMin <= 0
  }
  if (ready()) return
  const stop = new AbortController()
  const watch = () => {
    if (ready()) stop.abort()
  }
  for (const { log } of places) log.watchers.add(watch)
  gone.addEventListener('abort', () => stop.abort(), { once: true, signal: stop.signal })
  await clock.sleep(wanted.waitMs, stop.signal)
  stop.abort()
  for (const { log } of places) log.watchers.delete(watch)
}

function readRequest({ reader, version }: Request): FetchRequest {
  reader.int32() // replica id
  const waitMs = Math.min(Math.max(reader.int32(), 0), WAIT_MS_MAX)
  const bytesMin = reader.int32()
  const bytesMax = Math.min(reader.int32(), ANSWER_BYTES_MAX)
  const committed = reader.int8() === 1
  if (version >= 7) reader.int64() // session id and epoch
  const topics = reader.array(each => readTopic(each, version))
  return { waitMs, bytesMin, bytesMax, committed, topics }
}

function readTopic(reader: Reader, version: number) {
  const topic = reader.string()
  const partitions = reader.array((each): Wanted => {
    const partition = each.int32()
    if (version >= 9) each.int32() // leader epoch
    const offset = each.int64()
    if (version >= 5) each.int64() // a follower's log start
    return { topic, partition, offset, bytesMax: each.int32() }
  })
  return { topic, partitions }
}

/** Records stay in the buffers they were read into. */
function writeAnswer(
  topics: readonly { topic: string; partitions: readonly Got[] }[],
  version: number,
): Uint8Array[] {
  const pieces: Uint8Array[] = []
  let writer = new Writer().int32(0)
  if (version >= 7) writer.int16(errorCodes.NONE).int32(0)
  writer.int32(topics.length)
  for (const { topic, partitions } of topics) {
    writer.string(topic).int32(partitions.length)
    for (const { wanted, error, log, records, aborted } of partitions) {
      writer
        .int32(wanted.partition)
        .int16(error)
        .int64(log?.endOffset ?? -1)
        .int64(log?.lastStableOffset ?? -1)
      if (version >= 5) writer.int64(log?.startOffset ?? -1)
      writer.array(aborted, each => writer.int64(each.producerId).int64(each.firstOffset))
      if (version >= 11) writer.int32(-1) // no preferred replica
      writer.int32(records.length)
      pieces.push(writer.finish(), records)
      writer = new Writer(64)
    }
  }
  pieces.push(writer.finish())
  return pieces
}
