import { join } from 'node:path'
import type { Command } from 'commander'
import type { KeptBy } from '../collect/producing-sink.ts'
import type { CollectFileFlags } from './collect-files.ts'
import { type CommandContext, stopped } from './context.ts'
import {
  addBrokerFlags,
  addDataFlags,
  addListenFlags,
  addTopicFlags,
  type BrokerFlags,
  type DataFlags,
  flag,
  type ListenFlags,
  parseUrl,
  wholeNumber,
} from './flags.ts'
import { addKeyFlags, type KeyFlags } from './flags-keys.ts'
import { collectSeldom } from './heap-growth.ts'

interface CollectFlags extends BrokerFlags, ListenFlags, DataFlags, KeyFlags, CollectFileFlags {
  readonly createTopics: boolean
  readonly partitions: number
  readonly replication: number
  readonly topic: string
  readonly spoolMb: number
  readonly answerAfter: KeptBy
  readonly eventBytes: number
  readonly batchBytes: number
  readonly leaveOutIp: boolean
  readonly publicUrl?: string
}

/** `millrace collect`: takes events over HTTP. */
export function registerCollect(program: Command, context: CommandContext): void {
  const command = program
    .command('collect')
    .description('take events over HTTP, and answer once they are safe')
    .addOption(flag('--create-topics', 'make the topics that are missing').default(false))
    .addOption(flag('--topic <topic>', 'where events go').default('events'))
    .addOption(
      flag('--spool-mb <n>', 'the most that is kept on the disk while the brokers are away')
        .default(1_024)
        .argParser(wholeNumber(1, 1_048_576)),
    )
    .addOption(
      flag(
        '--answer-after <who>',
        'who has an event before it is answered 200: see docs/COLLECT.md',
      )
        .choices(['brokers', 'spool'])
        .default('brokers'),
    )
    .addOption(
      flag('--event-bytes <n>', 'the most of one event')
        .default(32_768)
        .argParser(wholeNumber(1_024, 900_000)),
    )
    .addOption(
      flag('--batch-bytes <n>', 'the most of a request, unpacked')
        .default(512_000)
        .argParser(wholeNumber(1_024, 16_000_000)),
    )
    .addOption(flag('--leave-out-ip', "leave the sender's address out of events").default(false))
    .addOption(flag('--public-url <url>', 'where browsers find this server').argParser(parseUrl))
    .addOption(flag('--plan <folder>', 'tracking plan that events are judged by'))
    .addOption(flag('--webhooks <file>', "email providers' webhooks, and their secrets"))
    .addOption(
      flag('--verdict-rules <file>', 'rules for who opened or clicked; the newest when left out'),
    )
  addTopicFlags(command)
  addListenFlags(command, 8081)
  addKeyFlags(command)
  addBrokerFlags(command)
  addDataFlags(command).action((flags: CollectFlags) => collectCommand(flags, context))
}

async function collectCommand(
  flags: CollectFlags,
  { signal, clock, logger, print }: CommandContext,
): Promise<void> {
  const [{ openLog }, { openCollect }, { openProtection }, { openTelemetry }] = await Promise.all([
    import('./connection.ts'),
    import('./open-collect.ts'),
    import('./protection.ts'),
    import('../runtime/telemetry.ts'),
  ])
  collectSeldom()
  const { collectFiles } = await import('./collect-files.ts')
  const files = await collectFiles(flags)
  const opened = await openProtection({ flags, clock, logger })
  const telemetry = await openTelemetry({ service: 'millrace-collect' })
  const log = openLog(flags, 'millrace-collect', clock, logger)
  const fault = new AbortController()
  try {
    const collect = await openCollect({
      ...{ log, clock, logger, telemetry, failed: error => fault.abort(error) },
      ...{ host: flags.host, port: flags.port, topic: flags.topic },
      ...{ createTopics: flags.createTopics, partitions: flags.partitions },
      replication: flags.replication,
      folder: join(flags.data, 'collect', flags.instance),
      ...{ spoolBytesMax: flags.spoolMb * 1_048_576, keptBy: flags.answerAfter },
      ...{ eventBytesMax: flags.eventBytes, batchBytesMax: flags.batchBytes },
      keepIp: !flags.leaveOutIp,
      ...(flags.publicUrl !== undefined && { publicUrl: flags.publicUrl }),
      ...opened,
      ...files,
    })
    print(`${collect.url}/v1/track`)
    await stopped(AbortSignal.any([signal, fault.signal]))
    await collect.stop()
  } finally {
    await log.close()
    await telemetry.close()
    opened.close()
  }
  fault.signal.throwIfAborted()
}
