import type { Log, Reader, ReaderOptions } from './log.ts'
import { unlessAborted } from './unless-aborted.ts'

/**
 * The same log for one piece of work that can be broken off: what it waits for rejects as soon as the signal is
 * aborted, whatever the brokers do.
 */
export function breakableLog(log: Log, signal: AbortSignal): Log {
  const unless = <Result>(work: Promise<Result>) => unlessAborted(signal, work)
  return {
    topics: {
      create: specs => unless(log.topics.create(specs)),
      describe: topic => unless(log.topics.describe(topic)),
      describeAll: topics => unless(log.topics.describeAll(topics)),
      names: () => unless(log.topics.names()),
      counts: () => unless(log.topics.counts()),
      ranges: topic => unless(log.topics.ranges(topic)),
    },
    reader: options => breakableReader(log, options, signal),
    membership: options => log.membership(options),
    transactor: options => log.transactor(options),
    producer: () => log.producer(),
    committed: (group, topic, partitions) => unless(log.committed(group, topic, partitions)),
    close: () => log.close(),
  }
}

function breakableReader(log: Log, options: ReaderOptions, signal: AbortSignal): Reader {
  const reader = log.reader(options)
  return {
    seek: (partition, next) => reader.seek(partition, next),
    pause: partition => reader.pause(partition),
    resume: partition => reader.resume(partition),
    drop: partition => reader.drop(partition),
    poll: () => unlessAborted(signal, reader.poll()),
    async close() {
      const closed = reader.close()
      await unlessAborted(signal, closed).catch(error => {
        if (!signal.aborted) throw error // else it closes by itself, and nobody waits for it
      })
    },
  }
}
