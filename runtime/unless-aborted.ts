import { LogError } from './log.ts'

/**
 * Settles as `work` does, or rejects as soon as the signal is aborted: a broker that stands still answers
 * nothing, and whoever stops must not wait for it. The work may go on; nobody hears of it any more.
 */
export async function unlessAborted<Result>(
  signal: AbortSignal,
  work: Promise<Result>,
): Promise<Result> {
  let onAbort = () => undefined
  const aborted = new Promise<never>((_, reject) => {
    onAbort = () => {
      reject(new LogError('unreachable', 'stopped while waiting for the brokers'))
      return undefined
    }
    if (signal.aborted) onAbort()
    else signal.addEventListener('abort', onAbort, { once: true })
  })
  try {
    return await Promise.race([work, aborted])
  } finally {
    signal.removeEventListener('abort', onAbort)
  }
}
