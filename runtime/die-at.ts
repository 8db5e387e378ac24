import type { Store } from '../state/store.ts'
import type { Log, Transactor } from './log.ts'

/**
 * Moments at which a process can be made to kill itself, as by `kill -9`:
 *
 *     commit-sent       all records of a commit are acknowledged, its offset is not sent
 *     commit-offsets    its offset is acknowledged, its end is not asked for
 *     commit-ending     its end is asked for, and not answered
 *     commit-ended      it has ended, and nothing of it is in the buffer
 *     checkpoint        a slice for the local store is made, and not written
 *     checkpoint-done   it is written
 *     restore-reading   a part of the changelog has come, and is not taken apart
 *     restore           a slice of a restore is made, and not written
 *     restore-done      it is written
 *     fence             older owners are shut out, and nothing is read
 */
const moments = [
  'commit-sent',
  'commit-offsets',
  'commit-ending',
  'commit-ended',
  'checkpoint',
  'checkpoint-done',
  'restore-reading',
  'restore',
  'restore-done',
  'fence',
] as const

export type Moment = (typeof moments)[number]

/** What a lane works with, as far as it can be made to die on it. */
export interface MortalParts {
  readonly log: Log
  readonly openStore: (partition: number) => Promise<Store>
}

/**
 * For tests: the same parts, which kill the process when they come to a moment for the n-th time, counted in each
 * lane. Only loaded where MILLRACE_TEST_DIE_AT says so.
 *
 * @param when such as `commit-sent:3`; without a number, the first time
 */
export function dieAt(when: string, { log, openStore }: MortalParts): MortalParts {
  const [name, times = '1'] = when.split(':')
  const wanted = moments.find(moment => moment === name)
  if (wanted === undefined || !(Number(times) >= 1))
    throw new Error(`MILLRACE_TEST_DIE_AT is ${moments.join(' or ')}, with :N, not ${when}`)
  let left = Number(times)
  const reach = (moment: Moment) => {
    if (moment === wanted && --left === 0) process.kill(process.pid, 'SIGKILL')
  }

  /** Partitions that have fenced and not committed since: what their stores are given comes from a restore. */
  const takingOver = new Set<number>()
  const ownReader: Log['reader'] = options => {
    const reader = log.reader(options)
    if (!options.topic.endsWith('.changelog')) return reader
    const poll = reader.poll.bind(reader)
    reader.poll = async () => {
      const fetched = await poll()
      if (fetched.length > 0) reach('restore-reading')
      return fetched
    }
    return reader
  }
  return {
    log: {
      ...log,
      reader: ownReader,
      transactor(options) {
        const partition = Number(/-(\d+)$/.exec(options.transactionalId)?.[1])
        return mortalTransactor(log.transactor(options), reach, isTaking => {
          if (isTaking) takingOver.add(partition)
          else takingOver.delete(partition)
        })
      },
    },
    async openStore(partition) {
      const store = await openStore(partition)
      const write = store.write.bind(store)
      store.write = async slice => {
        const restores = takingOver.has(partition)
        reach(restores ? 'restore' : 'checkpoint')
        await write(slice)
        reach(restores ? 'restore-done' : 'checkpoint-done')
      }
      return store
    },
  }
}

function mortalTransactor(
  inner: Transactor,
  reach: (moment: Moment) => void,
  onTaking: (isTaking: boolean) => void,
): Transactor {
  return {
    async fence() {
      await inner.fence()
      onTaking(true)
      reach('fence')
    },
    begin() {
      onTaking(false)
      const transaction = inner.begin()
      return {
        send: appends => transaction.send(appends),
        async sendOffsets(...offsets) {
          reach('commit-sent')
          await transaction.sendOffsets(...offsets)
        },
        async commit() {
          reach('commit-offsets')
          const ended = transaction.commit()
          // The request is written by the next turn of the event loop, and the answer is a turn further away.
          await new Promise(resolve => setImmediate(resolve))
          reach('commit-ending')
          await ended
          reach('commit-ended')
        },
        abort: () => transaction.abort(),
      }
    },
    opened: () => inner.opened(),
    close: () => inner.close(),
  }
}
