import { LogError } from './log.ts'

/**
 * Settles as `work` does, or rejects as soon as the signal is aborted: a broker that stands still answers
 * nothing, and whoever stops must not wait for it. The work may go on; nobody hears of it any more.
 */
export function unlessAborted<Result>(signal: AbortSignal, work: Promise<Result>): Promise<Result> {
  return new Promise((resolve, reject) => {
    const onAbort = () =>
      reject(new LogError('unreachable', 'stopped while waiting for the brokers'))
    if (signal.aborted) onAbort()
    else signal.addEventListener('abort', onAbort)
    const settled = () => signal.removeEventListener('abort', onAbort)
    work.then(
      result => {
        settled()
        resolve(result)
      },
      error => {
        settled()
        reject(error)
      },
    )
  })
}
