import { SinkFull } from './sink.ts'

const RETRY_AFTER_SECONDS = 30

export function spoolFull(bytesMax: number): SinkFull {
  const megabytes = Math.round(bytesMax / 2 ** 20)
  return new SinkFull(
    'spool_full',
    `the brokers are away, and the spool has reached its ${megabytes} MB: try again later`,
    RETRY_AFTER_SECONDS,
  )
}

export function diskFailed(error: unknown): SinkFull {
  const reason = error instanceof Error && 'code' in error ? ` (${error.code})` : ''
  return new SinkFull(
    'disk_failed',
    `the brokers are away, and the spool's disk refuses${reason}: try again later`,
    RETRY_AFTER_SECONDS,
    error,
  )
}
