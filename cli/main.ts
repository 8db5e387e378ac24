import { Command, CommanderError, InvalidArgumentError } from 'commander'
import { systemClock } from '../runtime/clock.ts'
import { registerFeatures } from './command-features.ts'
import { registerReplay } from './command-replay.ts'
import type { CommandContext } from './context.ts'
import { explain } from './explain.ts'
import { createLogger, LOG_LEVELS } from './logger.ts'
import { UserError } from './user-error.ts'
import { packageVersion } from './version.ts'

/** How long open handles may keep the process after its command ended, ms. */
const LINGER_MS = 3_000
const EXIT_FAULT = 1
const EXIT_USAGE = 2
const EXIT_INTERRUPTED = 130

/**
 * The program `millrace`. Exit codes: 0 done or stopped by Ctrl-C in order, 1 a fault, 2 a wrong command line,
 * 130 stopped by a second Ctrl-C. Faults are one line on standard error.
 */
export async function main(argv: readonly string[]): Promise<void> {
  const interrupted = interruptSignal()
  try {
    await createProgram(interrupted).parseAsync(argv)
    process.exitCode ??= 0
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
    if (process.stderr.isTTY) process.stderr.write('\nstopping; Ctrl-C again stops at once\n')
    controller.abort()
  }
  process.on('SIGINT', onSignal)
  process.on('SIGTERM', onSignal)
  return controller.signal
}

function createProgram(signal: AbortSignal): Command {
  const program = new Command('millrace')
    .description(
      'Per-user features from a stream of events, exactly once, read milliseconds later.',
    )
    .version(packageVersion(), '-v, --version', 'print the version')
    .exitOverride()
    .configureOutput({ outputError: (text, write) => write(usageLine(text)) })
    .showSuggestionAfterError(true)
    .addHelpText(
      'after',
      '\nEach flag can be an environment variable too: --tls-ca is MILLRACE_TLS_CA, and --brokers is BROKERS.',
    )
  const context = createContext(signal)
  registerReplay(program, context)
  registerFeatures(program, context)
  return program
}

function createContext(signal: AbortSignal): CommandContext {
  const level = process.env.MILLRACE_LOG ?? 'info'
  if (!LOG_LEVELS.some(known => known === level)) {
    throw new UserError(
      'bad_log_level',
      `MILLRACE_LOG is one of ${LOG_LEVELS.join(', ')}, not "${level}"`,
    )
  }
  const write = (text: string) => void process.stderr.write(text)
  return {
    signal,
    clock: systemClock,
    logger: createLogger({ level, human: process.stderr.isTTY === true, write }),
    print: line => void process.stdout.write(`${line}\n`),
  }
}

function usageLine(text: string): string {
  return `millrace: ${text
    .replace(/^error: /, '')
    .replaceAll(/\s*\n\s*/g, ' ')
    .trim()} (--help lists what there is)\n`
}

/** Prints what a person needs to know of the error, and answers the exit code. */
function tell(error: unknown): number {
  if (error instanceof CommanderError && !(error instanceof InvalidArgumentError)) {
    return error.exitCode === 0 ? 0 : EXIT_USAGE // commander has printed it
  }
  const { line, known } = explain(error)
  process.stderr.write(`millrace: ${line}\n`)
  const debug = process.env.MILLRACE_LOG === 'debug' || process.env.MILLRACE_LOG === 'trace'
  if (debug && !known && error instanceof Error) process.stderr.write(`${error.stack}\n`)
  return EXIT_FAULT
}
