/**
 * kafkajs asks for timers in the past, harmlessly; Node 24 warns of each on standard error. Everything else
 * that warns is let through.
 */
export function withoutNegativeTimeoutWarnings(): void {
  const emitWarning = process.emitWarning
  if (emitWarning.name === 'emitOtherWarning') return
  process.emitWarning = function emitOtherWarning(warning: string | Error, ...rest: unknown[]) {
    const name = typeof rest[0] === 'string' ? rest[0] : undefined
    if (name !== 'TimeoutNegativeWarning') Reflect.apply(emitWarning, process, [warning, ...rest])
  }
}
