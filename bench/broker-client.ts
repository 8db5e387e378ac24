import { once } from 'node:events'
import { type EachBatchPayload, Kafka, logLevel } from 'kafkajs'
import { systemClock } from '../runtime/clock.ts'

/** What one process of `bench/broker.ts` does, as JSON in its first argument. */
export interface ClientTask {
  readonly brokers: string
  readonly topic: string
  readonly partitions: number
  readonly way: 'in' | 'out'
  readonly records: number
  readonly recordBytes: number
  readonly recordsPerSend: number
  readonly sendsInFlight: number
  /** Of the consumer. */
  readonly group: string
}

/** From its first send to its last answer, or from its joining the group to its last batch. */
export interface ClientResult {
  /** Epoch ms. */
  readonly from: number
  readonly to: number
  readonly cpuSeconds: number
}

/** A process with one kafkajs client: it connects, says `ready`, begins when told, and says what it took. */
process.env.KAFKAJS_NO_PARTITIONER_WARNING = '1'
const task: ClientTask = JSON.parse(process.argv[2] ?? '')
const kafka = new Kafka({ brokers: task.brokers.split(','), logLevel: logLevel.NOTHING })
const result = task.way === 'in' ? await produce() : await consume()
process.send?.(result, () => process.exit(0))

async function produce(): Promise<ClientResult> {
  const { topic, partitions, records, recordsPerSend } = task
  const producer = kafka.producer()
  await producer.connect()
  const value = Buffer.alloc(task.recordBytes, 'x')
  const sends = Math.ceil(records / recordsPerSend)
  let begun = 0
  /** As services do that await their own sends: several of these make the sends in flight. */
  const sendAll = async () => {
    while (begun < sends) {
      const partition = begun % partitions
      const first = begun++ * recordsPerSend
      const count = Math.min(recordsPerSend, records - first)
      const messages = Array.from({ length: count }, (_, index) => ({
        key: `user-${first + index}`,
        value,
        partition,
      }))
      await producer.send({ topic, messages })
    }
  }
  await told()
  return measured(() => Promise.all(Array.from({ length: task.sendsInFlight }, sendAll)))
}

async function consume(): Promise<ClientResult> {
  const consumer = kafka.consumer({ groupId: task.group })
  await consumer.connect()
  await consumer.subscribe({ topics: [task.topic], fromBeginning: true })
  await told()
  const joined = new Promise(resolve => consumer.on('consumer.group_join', resolve))
  let seen = 0
  const last = new Promise<void>((resolve, reject) => {
    const eachBatch = async ({ batch }: EachBatchPayload) => {
      seen += batch.messages.length
      if (seen >= task.records) resolve()
    }
    consumer.run({ autoCommit: false, eachBatch }).catch(reject)
  })
  await Promise.race([joined, last])
  return measured(() => last)
}

async function told(): Promise<void> {
  const begin = once(process, 'message')
  process.send?.('ready')
  await begin
}

async function measured(work: () => Promise<unknown>): Promise<ClientResult> {
  const before = process.cpuUsage()
  const from = systemClock.now()
  await work()
  const { user, system } = process.cpuUsage(before)
  return { from, to: systemClock.now(), cpuSeconds: (user + system) / 1e6 }
}
