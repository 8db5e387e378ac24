import type { Log } from '../../runtime/log.ts'

/** The log of a process that dies at that point of the first portion of a replay. */
export function breaking(
  whole: Log,
  dies: 'before the intent' | 'before the send' | 'after the send',
): Log {
  const gone = () => Promise.reject(new Error('the machine is gone'))
  let commits = 0
  return {
    ...{
      topics: whole.topics,
      close: () => whole.close(),
      membership: options => whole.membership(options),
    },
    ...{
      reader: options => whole.reader(options),
      committed: (...asked) => whole.committed(...asked),
    },
    producer() {
      const producer = whole.producer()
      const send = dies === 'before the send' ? gone : producer.send.bind(producer)
      return { send, close: () => producer.close() }
    },
    transactor(options) {
      const transactor = whole.transactor(options)
      return {
        fence: () => transactor.fence(),
        opened: () => transactor.opened(),
        close: () => transactor.close(),
        begin() {
          commits++
          const transaction = transactor.begin()
          const fails =
            commits === (dies === 'before the intent' ? 1 : 2) && dies !== 'before the send'
          return {
            send: appends => transaction.send(appends),
            sendOffsets: (...committed) => transaction.sendOffsets(...committed),
            commit: () => (fails ? transaction.abort().then(gone) : transaction.commit()),
            abort: () => transaction.abort(),
          }
        },
      }
    },
  }
}
