import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { type ApiName, apiKeys } from '../../protocol/api-keys.ts'
import { errorName } from '../../protocol/error-codes.ts'
import { Reader } from '../../protocol/reader.ts'
import { RecordReader } from '../../protocol/record-batch.ts'
import { visibleBatches } from '../../protocol/visible.ts'
import { Writer } from '../../protocol/writer.ts'
import {
  type Fetched,
  type FetchOptions,
  Frames,
  isTransient,
  type Producer,
  pause,
  readFetched,
  type Waiting,
} from './wire-parts.ts'

export { batchOf, type Producer, pause, unique } from './wire-parts.ts'

const CLOSED = 'the broker closed the connection'

/** One connection that says exactly what a test wants said, in the request versions that kafkajs uses. */
export class Wire {
  readonly socket: Socket
  private readonly input = new Frames()
  private readonly waiting: Waiting[] = []
  private correlation = 0

  private constructor(socket: Socket) {
    this.socket = socket
    socket.on('close', () => {
      for (const { reject } of this.waiting.splice(0)) reject(new Error(CLOSED))
    })
    socket.on('error', () => socket.destroy())
    socket.on('data', chunk => this.receive(chunk))
  }

  static async open(address: string): Promise<Wire> {
    const [host = '', port] = address.split(':')
    const socket = connect(Number(port), host)
    await once(socket, 'connect')
    return new Wire(socket)
  }

  close(): void {
    this.socket.destroy()
  }

  /** The answer, at its body. */
  request(api: ApiName, version: number, body: Writer): Promise<Reader> {
    const head = new Writer()
      .int16(apiKeys[api])
      .int16(version)
      .int32(++this.correlation)
    const request = head.string('wire').raw(body.finish())
    this.socket.write(new Writer().bytes(request.finish()).finish())
    return new Promise((resolve, reject) => {
      if (this.socket.destroyed) reject(new Error(CLOSED))
      else this.waiting.push({ resolve, reject })
    })
  }

  /** Name of the error, and the base offset. */
  async produce(
    topic: string,
    batch: Uint8Array,
    { partition = 0, transactionalId = null as string | null } = {},
  ) {
    const body = new Writer(batch.length + 100).string(transactionalId).int16(-1).int32(5000)
    body.array([topic], () =>
      body.string(topic).array([partition], () => body.int32(partition).bytes(batch)),
    )
    const answer = await this.request('Produce', 7, body)
    const [result] = answer
      .array(one => {
        one.string()
        return one.array(each => {
          each.int32()
          return {
            error: errorName(each.int16()),
            offset: each.int64(),
            appendTime: each.int64(),
            start: each.int64(),
          }
        })
      })
      .flat()
    if (result === undefined) throw new Error('an answer without the partition')
    return result
  }

  async fetch(
    topic: string,
    offset: number,
    options: FetchOptions = {},
    partition = 0,
  ): Promise<Fetched> {
    const { committed = true, waitMs = 0, bytesMin = 1, bytesMax = 1024 * 1024 } = options
    const body = new Writer()
      .int32(-1)
      .int32(waitMs)
      .int32(bytesMin)
      .int32(50 * 1024 * 1024)
      .int8(committed ? 1 : 0)
      .int32(0)
      .int32(-1)
    body.array([topic], () =>
      body
        .string(topic)
        .array([partition], () =>
          body.int32(partition).int32(-1).int64(offset).int64(-1).int32(bytesMax),
        ),
    )
    body.array([], () => body).string('')
    const answer = await this.request('Fetch', 11, body)
    answer.int32()
    answer.int16()
    answer.int32()
    const [result] = answer
      .array(one => {
        one.string()
        return one.array(readFetched)
      })
      .flat()
    if (result === undefined) throw new Error('an answer without the partition')
    return result
  }

  /** All that a reader sees from `offset` on, as `offset:value`. */
  async seen(topic: string, offset = 0, committed = true, partition = 0): Promise<string[]> {
    const seen: string[] = []
    for (let at = offset; ; ) {
      const { error, aborted, records } = await this.fetch(topic, at, { committed }, partition)
      if (error !== 'NONE') throw new Error(error)
      const visible = visibleBatches(records, at, aborted)
      const reader = new RecordReader(visible.records)
      while (reader.next()) if (reader.offset >= at) seen.push(`${reader.offset}:${reader.value()}`)
      if (visible.next === at) return seen
      at = visible.next
    }
  }

  /** Of one partition. */
  async createTopic(topic: string): Promise<void> {
    const body = new Writer()
    body.array([topic], () => body.string(topic).int32(1).int16(1).int32(0).int32(0))
    const answer = await this.request('CreateTopics', 2, body.int32(1000).boolean(false))
    answer.int32()
    const [error] = answer.array(each => each.string() && errorName(each.int16()))
    if (error !== 'NONE') throw new Error(`topic ${topic}: ${error}`)
  }

  /** Kafka makes its internal topics when first somebody asks who coordinates, and needs a while. */
  async findCoordinators(): Promise<void> {
    for (const kind of [0, 1]) {
      for (let error = 'not asked'; error !== 'NONE'; ) {
        const answer = await this.request(
          'FindCoordinator',
          1,
          new Writer().string('any').int8(kind),
        )
        answer.int32()
        error = errorName(answer.int16())
        if (error !== 'NONE') await pause(200)
      }
    }
  }

  async initProducerId(
    transactionalId: string | null,
    timeoutMs = 30_000,
  ): Promise<Producer & { error: string }> {
    const body = new Writer().string(transactionalId).int32(timeoutMs)
    for (;;) {
      const answer = await this.request('InitProducerId', 1, body)
      answer.int32()
      const error = errorName(answer.int16())
      if (!isTransient(error)) return { error, producerId: answer.int64(), epoch: answer.int16() }
      await pause()
    }
  }

  /** Of each partition. */
  async addPartitions(
    id: string,
    { producerId, epoch }: Producer,
    topic: string,
    partitions: readonly number[] = [0],
  ): Promise<string[]> {
    const body = new Writer().string(id).int64(producerId).int16(epoch)
    body.array([topic], () => body.string(topic).array(partitions, each => body.int32(each)))
    for (;;) {
      const answer = await this.request('AddPartitionsToTxn', 1, body)
      answer.int32()
      const errors = answer
        .array(one => {
          one.string()
          return one.array(each => {
            each.int32()
            return errorName(each.int16())
          })
        })
        .flat()
      if (!errors.some(isTransient)) return errors
      await pause()
    }
  }

  async addOffsets(id: string, { producerId, epoch }: Producer, group: string): Promise<string> {
    return this.untilSettled(
      'AddOffsetsToTxn',
      new Writer().string(id).int64(producerId).int16(epoch).string(group),
    )
  }

  async endTxn(
    id: string,
    { producerId, epoch }: Producer,
    type: 'commit' | 'abort',
  ): Promise<string> {
    return this.untilSettled(
      'EndTxn',
      new Writer()
        .string(id)
        .int64(producerId)
        .int16(epoch)
        .boolean(type === 'commit'),
    )
  }

  private async untilSettled(api: ApiName, body: Writer): Promise<string> {
    for (;;) {
      const answer = await this.request(api, 1, body)
      answer.int32()
      const error = errorName(answer.int16())
      if (!isTransient(error)) return error
      await pause()
    }
  }

  private receive(chunk: Buffer): void {
    for (const frame of this.input.add(chunk)) {
      const answer = new Reader(frame)
      answer.int32()
      this.waiting.shift()?.resolve(answer)
    }
  }
}
