import { systemClock } from '../runtime/clock.ts'
import { openKafkaLog } from '../runtime/kafka-log.ts'
import { nextOffset } from '../runtime/log.ts'
import { deleteTopics } from './delete-topics.ts'

/** As large as a busy commit's batches are. */
const batchBytes = 512 * 1024
const recordsPerBatch = 500

/** Transactions a second that a broker bears from so many writers at once, each of one record and an offset. */
export function transactionsPerSecond(
  brokers: string,
  writers: number,
  seconds: number,
): Promise<number> {
  return withTopic(brokers, writers, async (log, topic, until) => {
    const counts = await Promise.all(
      Array.from({ length: writers }, async (_, partition) => {
        const transactor = log.transactor({
          ...{ transactionalId: `${topic}-${partition}`, timeoutMs: 10_000 },
        })
        let done = 0
        try {
          await transactor.fence()
          const deadline = until(seconds)
          while (systemClock.elapsed() < deadline) {
            const transaction = transactor.begin()
            await transaction.send([{ topic, partition, records: [{ key: 'k', value: 'v' }] }])
            const committed = { next: nextOffset(done), metadata: '' }
            await transaction.sendOffsets(`${topic}.commits`, topic, partition, committed)
            await transaction.commit()
            done += 1
          }
        } finally {
          await transactor.close()
        }
        return done
      }),
    )
    return counts.reduce((sum, count) => sum + count, 0) / seconds
  })
}

/** MB a second that one process writes to a broker, in batches as large as a commit's. */
export function megabytesPerSecond(brokers: string, seconds: number): Promise<number> {
  const partitions = 4
  return withTopic(brokers, partitions, async (log, topic, until) => {
    const producer = log.producer()
    const value = Buffer.alloc(batchBytes / recordsPerBatch, 'x')
    const records = Array.from({ length: recordsPerBatch }, (_, at) => ({
      key: `user-${at}`,
      value,
    }))
    const deadline = until(seconds)
    const startedAt = systemClock.elapsed()
    let sent = 0
    try {
      while (systemClock.elapsed() < deadline) {
        await producer.send(
          Array.from({ length: partitions }, (_, partition) => ({ topic, partition, records })),
        )
        sent += partitions * batchBytes
      }
    } finally {
      await producer.close()
    }
    return sent / 2 ** 20 / ((systemClock.elapsed() - startedAt) / 1_000)
  })
}

type Work = (
  log: ReturnType<typeof openKafkaLog>,
  topic: string,
  until: (seconds: number) => number,
) => Promise<number>

async function withTopic(brokers: string, partitions: number, work: Work): Promise<number> {
  const log = openKafkaLog({ brokers, clientId: 'bench', clock: systemClock })
  const topic = `bench-scale-${process.pid}-${Math.round(systemClock.elapsed())}`
  try {
    await log.topics.create([{ topic, partitions, replication: 1, config: {} }])
    return await work(log, topic, seconds => systemClock.elapsed() + seconds * 1_000)
  } finally {
    await log.close()
    await deleteTopics(brokers, [topic])
  }
}
