import { access } from 'node:fs/promises'
import type { Command } from 'commander'
import type { Log } from '../runtime/log.ts'
import type { CommandContext } from './context.ts'
import { addBrokerFlags, type BrokerFlags, flag } from './flags.ts'
import { UserError } from './user-error.ts'
import { withLog } from './with-log.ts'

interface ReplayFlags extends BrokerFlags {
  readonly topic: string
  readonly erasedBy: string[]
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
    .addOption(
      flag(
        '--erased-by <job...>',
        'leave out whom these jobs have erased too; those that read the topic are asked without it',
      ).default([]),
    )
  addBrokerFlags(command).action((file: string, flags: ReplayFlags) =>
    replayCommand(file, flags, context),
  )
}

async function replayCommand(
  file: string,
  flags: ReplayFlags,
  context: CommandContext,
): Promise<void> {
  await access(file)
  await withLog(flags, 'millrace-replay', context, log => send(log, file, flags, context))
}

async function send(
  log: Log,
  file: string,
  { topic, brokers, erasedBy }: ReplayFlags,
  context: CommandContext,
): Promise<void> {
  const [{ replayFile }, { readErased }, { isErasedInFile }] = await Promise.all([
    import('./replay.ts'),
    import('./erased-list.ts'),
    import('./past-identities.ts'),
  ])
  const { clock, logger, signal, print } = context
  const description = await log.topics.describe(topic)
  if (description === undefined) {
    const remedy =
      'start a job that reads it (millrace run <job>), which makes it, or give another --topic'
    throw new UserError('unknown_topic', `topic "${topic}" does not exist on ${brokers}: ${remedy}`)
  }
  const { partitions } = description
  const list = await readErased(log, topic, { besides: erasedBy, signal })
  const producer = log.producer()
  const started = clock.elapsed()
  let badLines = 0
  const onBadLine = (line: number, reason: string) => {
    badLines++
    if (badLines <= BAD_LINES_TOLD)
      logger.warn({ file, line, reason }, 'left out a line that is no event')
  }
  try {
    const { sent, bad, erased } = await replayFile(file, {
      ...{ producer, topic, partitions, onBadLine, signal },
      isErased: event => isErasedInFile(list, event, clock.now()),
    })
    const seconds = Math.max(0.001, (clock.elapsed() - started) / 1000)
    const leftOut = bad > 0 ? `, ${bad} lines left out` : ''
    const forgotten = erased > 0 ? `, ${erased} of erased users left out` : ''
    const end = signal.aborted ? ' before it was stopped' : ''
    print(
      `sent ${sent} events to ${topic} in ${seconds.toFixed(1)} s (${Math.round(sent / seconds)}/s)${leftOut}${forgotten}${end}`,
    )
  } finally {
    await producer.close()
  }
}
