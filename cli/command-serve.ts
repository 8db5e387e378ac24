import { join } from 'node:path'
import type { Command } from 'commander'
import { type CommandContext, stopped } from './context.ts'
import {
  addBrokerFlags,
  addDataFlags,
  addListenFlags,
  type BrokerFlags,
  type DataFlags,
  flag,
  type ListenFlags,
} from './flags.ts'

interface ServeFlags extends BrokerFlags, ListenFlags, DataFlags {
  readonly job: string
}

/** `millrace serve`: answers what a job's features are. */
export function registerServe(program: Command, context: CommandContext): void {
  const command = program
    .command('serve')
    .description("answer users' features over HTTP, from a local view of <job>.features")
    .addOption(flag('--job <name>', 'whose features').default('email'))
  addListenFlags(command, 8080)
  addBrokerFlags(command)
  addDataFlags(command).action((flags: ServeFlags) => serveCommand(flags, context))
}

async function serveCommand(
  flags: ServeFlags,
  { signal, clock, logger, print }: CommandContext,
): Promise<void> {
  const [{ openLog }, { startSidecar }, { openTelemetry }] = await Promise.all([
    import('./connection.ts'),
    import('../serve/sidecar.ts'),
    import('../runtime/telemetry.ts'),
  ])
  const { host, port, job, data, instance } = flags
  const folder = join(data, 'serve', job, instance)
  const telemetry = await openTelemetry({ service: 'millrace-serve' })
  const log = openLog(flags, 'millrace-serve', clock, logger)
  const fault = new AbortController()
  const failed = (error: unknown) => fault.abort(error)
  try {
    const common = { log, clock, logger, telemetry, failed }
    const sidecar = await startSidecar({ ...common, topic: `${job}.features`, folder, host, port })
    print(`${sidecar.url}/v1/users/<id>/features`)
    await stopped(AbortSignal.any([signal, fault.signal]))
    await Promise.all([sidecar.stop(), log.close()])
  } finally {
    await log.close()
    await telemetry.close()
  }
  fault.signal.throwIfAborted()
}
