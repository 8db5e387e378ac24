import { CommanderError } from 'commander'
import { systemClock } from '../runtime/clock.ts'
import type { CommandContext } from './context.ts'
import { explain } from './explain.ts'
import { createLogger, LOG_LEVELS } from './logger.ts'
import { createProgram } from './program.ts'
import { UserError } from './user-error.ts'

/** How long open handles may keep the process after its command ended, ms. */
const LINGER_MS = 3_000
const EXIT_FAULT = 1
const EXIT_USAGE = 2
const EXIT_INTERRUPTED = 130

const writeOut = (text: string) => void process.stdout.write(text)
const writeErr = (text: string) => void process.stderr.write(text)

/**
 * The program `millrace`. Exit codes: 0 done or stopped by Ctrl-C in order, 1 a fault, 2 a wrong command line,
 * 130 stopped by a second Ctrl-C. Faults are one line on standard error.
 */
export async function main(argv: readonly string[]): Promise<void> {
  const signal = interruptSignal()
  try {
    await createProgram(createContext(signal), writeOut, writeErr).parseAsync(argv)
  } catch (error) {
    process.exitCode = tell(error)
  }
  setTimeout(() => process.exit(), LINGER_MS).unref()
}

/** Aborts at the first Ctrl-C or SIGTERM, so that the command ends in order; the second one ends the process. */
function interruptSignal(): AbortSignal {
  const controller = new AbortController()
  const onSignal = () => {
    if (controller.signal.aborted) process.exit(EXIT_INTERRUPTED)
    controller.abort()
  }
  process.on('SIGINT', onSignal)
  process.on('SIGTERM', onSignal)
  return controller.signal
}

function createContext(signal: AbortSignal): CommandContext {
  const level = process.env.MILLRACE_LOG ?? 'info'
  if (!LOG_LEVELS.some(known => known === level)) {
    throw new UserError(
      'bad_log_level',
      `MILLRACE_LOG is one of ${LOG_LEVELS.join(', ')}, not "${level}"`,
    )
  }
  let write: (text: string) => void = writeErr
  const human = process.stderr.isTTY === true
  const logger = createLogger({ level, human, write: text => write(text) })
  if (human) {
    const tell = () => logger.info('stopping; Ctrl-C again stops at once')
    signal.addEventListener('abort', tell, { once: true })
  }
  return {
    signal,
    clock: systemClock,
    logger,
    logTo(other) {
      write = other
    },
    print: line => writeOut(`${line}\n`),
  }
}

/** Prints what a person needs to know of the error, and answers the exit code. */
function tell(error: unknown): number {
  // commander has printed its own, and help and version come as errors with exit code 0.
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : EXIT_USAGE
  const { line, known } = explain(error)
  writeErr(`millrace: ${line}\n`)
  const debug = process.env.MILLRACE_LOG === 'debug' || process.env.MILLRACE_LOG === 'trace'
  if (debug && !known && error instanceof Error) writeErr(`${error.stack}\n`)
  return EXIT_FAULT
}
