import { type DestinationStream, type Logger, pino } from 'pino'

export type { Logger } from 'pino'

export interface LoggerOptions {
  /** pino's names: `trace`, `debug`, `info`, `warn`, `error`, `fatal`, `silent`. */
  readonly level: string
  /** Whether people read it as it comes: one short line an entry, instead of JSON. */
  readonly human: boolean
  readonly write: (text: string) => void
}

export const LOG_LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'] as const

/** The process's log. At `info` it holds the turns of its life (listening, taken over, stopped) and nothing per event. */
export function createLogger({ level, human, write }: LoggerOptions): Logger {
  const destination: DestinationStream = { write: human ? line => write(humanLine(line)) : write }
  const base = human ? null : { pid: process.pid }
  return pino(
    {
      level,
      base,
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: label => ({ level: label }) },
      serializers: { err: pino.stdSerializers.err, error: pino.stdSerializers.err },
    },
    destination,
  )
}

/** `12:30:05 warn  no broker answers  brokers=127.0.0.1:9092`. */
export function humanLine(line: string): string {
  const { level, time, msg, ...fields }: Record<string, unknown> = JSON.parse(line)
  const parts = [String(time).slice(11, 19), String(level).padEnd(5), String(msg ?? '')]
  let stacks = ''
  for (const [name, value] of Object.entries(fields)) {
    if (isError(value)) stacks += `\n  ${value.stack.replaceAll('\n', '\n  ')}`
    else parts.push(` ${name}=${plain(value)}`)
  }
  return `${parts.join(' ')}${stacks}\n`
}

function plain(value: unknown): string {
  return typeof value === 'string' && !/\s/.test(value) ? value : JSON.stringify(value)
}

function isError(value: unknown): value is { stack: string } {
  return (
    typeof value === 'object' &&
    value !== null &&
    'stack' in value &&
    typeof value.stack === 'string'
  )
}
