import type { Clock } from '../runtime/clock.ts'
import type { Logger } from './logger.ts'

/** What each command is given besides its flags. */
export interface CommandContext {
  /** Aborts when the person wants the command to end; it then stops in order and returns. */
  readonly signal: AbortSignal
  readonly clock: Clock
  readonly logger: Logger
  /** Where the logger writes from now on; standard error at first. */
  logTo(write: (text: string) => void): void
  /** A line on standard output: results, and addresses to use. */
  print(line: string): void
}

/** Resolves when the signal aborts: what a command that serves waits for. */
export function stopped(signal: AbortSignal): Promise<void> {
  return new Promise(resolve => {
    if (signal.aborted) return resolve()
    signal.addEventListener('abort', () => resolve(), { once: true })
  })
}
