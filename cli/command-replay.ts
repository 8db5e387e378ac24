import { access } from 'node:fs/promises'
import type { Command } from 'commander'
import type { CommandContext } from './context.ts'
import { addBrokerFlags, type BrokerFlags, flag } from './flags.ts'
import { UserError } from './user-error.ts'

interface ReplayFlags extends BrokerFlags {
  readonly topic: string
}

/** Lines that are no event are told one by one up to here, then only counted. */
const BAD_LINES_TOLD = 5

/** `millrace replay <file>`: sends a file of events. */
export function registerReplay(program: Command, context: CommandContext): void {
  const command = program
    .command('replay')
    .description('send the events of a file, one JSON object a line, in the order of the file')
    .argument('<file>', 'the file, plain or .gz')
    .addOption(flag('--topic <name>', 'topic to send to').default('events'))
  addBrokerFlags(command).action((file: string, flags: ReplayFlags) =>
    replayCommand(file, flags, context),
  )
}

async function replayCommand(
  file: string,
  flags: ReplayFlags,
  context: CommandContext,
): Promise<void> {
  const [{ openLog }, { replayFile }] = await Promise.all([
    import('./connection.ts'),
    import('./replay.ts'),
  ])
  const { clock, logger, signal, print } = context
  await access(file)
  const log = openLog(flags, 'millrace-replay', clock, logger)
  // A broker that never answers is waited for inside the log, and closing it ends that.
  const onAbort = () =>
    void log.close().catch(error => logger.debug({ err: error }, 'closing failed'))
  signal.addEventListener('abort', onAbort, { once: true })
  try {
    const topic = await log.topics.describe(flags.topic)
    if (topic === undefined) {
      const remedy =
        'start a job that reads it (millrace run <job>), which makes it, or give another --topic'
      throw new UserError(
        'unknown_topic',
        `topic "${flags.topic}" does not exist on ${flags.brokers}: ${remedy}`,
      )
    }
    const producer = log.producer()
    const started = clock.elapsed()
    let badLines = 0
    const onBadLine = (line: number, reason: string) => {
      badLines++
      if (badLines <= BAD_LINES_TOLD)
        logger.warn({ file, line, reason }, 'left out a line that is no event')
    }
    const { partitions } = topic
    try {
      const { sent, bad } = await replayFile(file, {
        producer,
        topic: flags.topic,
        partitions,
        onBadLine,
        signal,
      })
      const seconds = Math.max(0.001, (clock.elapsed() - started) / 1000)
      const leftOut = bad > 0 ? `, ${bad} lines left out` : ''
      const end = signal.aborted ? ' before it was stopped' : ''
      print(
        `sent ${sent} events to ${flags.topic} in ${seconds.toFixed(1)} s (${Math.round(sent / seconds)}/s)${leftOut}${end}`,
      )
    } finally {
      await producer.close()
    }
  } catch (error) {
    if (!signal.aborted) throw error
  } finally {
    signal.removeEventListener('abort', onAbort)
    await log.close()
  }
}
