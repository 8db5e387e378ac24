import { join } from 'node:path'
import type { Command } from 'commander'
import type { Broker } from '../broker/broker.ts'
import type { Telemetry } from '../runtime/telemetry.ts'
import { type CommandContext, stopped } from './context.ts'
import {
  addDataFlags,
  addListenFlags,
  type DataFlags,
  flag,
  type ListenFlags,
  parsePort,
} from './flags.ts'

interface BrokerCommandFlags extends ListenFlags, DataFlags {
  readonly httpPort: number
  readonly advertisedHost?: string
}

/** `millrace broker`: the embedded broker on its own. */
export function registerBroker(program: Command, context: CommandContext): void {
  const command = program
    .command('broker')
    .description(
      "run the embedded broker, which speaks Kafka's protocol; for development, on one machine",
    )
  addListenFlags(command, 9092)
    .addOption(
      flag('--http-port <port>', 'port for /health, /ready and /metrics')
        .default(8083)
        .argParser(parsePort),
    )
    .addOption(
      flag('--advertised-host <address>', 'where clients are told to connect, if not --host'),
    )
  addDataFlags(command).action((flags: BrokerCommandFlags) => brokerCommand(flags, context))
}

async function brokerCommand(
  flags: BrokerCommandFlags,
  { signal, clock, logger, print }: CommandContext,
): Promise<void> {
  const [{ startBroker }, { openHttp }, { isLoopback }, { openTelemetry }] = await Promise.all([
    import('../broker/broker.ts'),
    import('../http/server.ts'),
    import('../http/listen.ts'),
    import('../runtime/telemetry.ts'),
  ])
  const { host, port, httpPort, advertisedHost, data, instance } = flags
  const broker = await startBroker({
    ...{ host, port, clock, folder: brokerFolder(data, instance) },
    ...(advertisedHost !== undefined && { advertisedHost }),
    log: ({ level, message }) => logger[level](message),
  })
  const telemetry = await openTelemetry({ service: 'millrace-broker' })
  try {
    measure(telemetry, broker)
    const http = await openHttp({
      // The broker may be open to a closed network; its figures stay on this machine.
      host: isLoopback(host) ? host : '127.0.0.1',
      port: httpPort,
      health: async () => ({ alive: true }),
      ready: async () => ({ ready: true, reasons: [] }),
      metrics: () => telemetry.scrape(),
    })
    print(`BROKERS=${broker.address}`)
    print(`${http.url}/metrics`)
    await stopped(signal)
    await http.close()
  } finally {
    await broker.close()
    await telemetry.close()
  }
}

/** A second embedded broker on one machine has a folder of its own. */
export function brokerFolder(data: string, instance: string): string {
  return instance === '1' ? join(data, 'broker') : join(data, `broker-${instance}`)
}

function measure(telemetry: Telemetry, broker: Broker): void {
  telemetry.gauge('millrace_broker_bytes', () => [{ value: broker.health().bytes }])
  telemetry.gauge('millrace_broker_partitions', () => [{ value: broker.health().partitions }])
  telemetry.gauge('millrace_broker_connections', () => [{ value: broker.health().connections }])
}
