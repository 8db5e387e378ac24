import type { Log } from '../runtime/log.ts'
import type { CommandContext } from './context.ts'
import type { BrokerFlags } from './flags.ts'

/**
 * Opens the log that the flags name for one piece of work, and closes it after. A broker that is away is waited
 * for until the signal aborts; the work then ends without a fault.
 */
export async function withLog(
  flags: BrokerFlags,
  clientId: string,
  { clock, logger, signal }: CommandContext,
  work: (log: Log) => Promise<void>,
): Promise<void> {
  const { openLog } = await import('./connection.ts')
  const log = openLog(flags, clientId, clock, logger)
  // Closing ends the wait inside the log for a broker that does not answer.
  const onAbort = () => void log.close().catch(error => logger.debug({ error }, 'closing failed'))
  signal.addEventListener('abort', onAbort, { once: true })
  try {
    await work(log)
  } catch (error) {
    if (!signal.aborted) throw error
  } finally {
    signal.removeEventListener('abort', onAbort)
    await log.close()
  }
}
