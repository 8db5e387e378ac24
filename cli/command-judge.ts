import type { Command } from 'commander'
import type { Log } from '../runtime/log.ts'
import type { CommandContext } from './context.ts'
import { addBrokerFlags, type BrokerFlags, flag } from './flags.ts'
import { UserError } from './user-error.ts'
import { withLog } from './with-log.ts'

interface JudgeFlags extends BrokerFlags {
  readonly from: string
  readonly to?: string
  readonly verdictRules?: string
}

/** `millrace judge`: who opened and clicked in the past, by other rules. */
export function registerJudge(program: Command, context: CommandContext): void {
  const command = program
    .command('judge')
    .description('judge again who opened and clicked: human, proxy, prefetch or scanner')
    .addOption(flag('--from <topic>', 'topic of the events').default('events'))
    .addOption(
      flag('--to <topic>', 'topic for all of them with the new verdicts; without it only told'),
    )
    .addOption(flag('--verdict-rules <file>', 'the rules; the newest of Millrace when left out'))
  addBrokerFlags(command).action((flags: JudgeFlags) =>
    withLog(flags, 'millrace-judge', context, log => judge(log, flags, context)),
  )
}

async function judge(log: Log, flags: JudgeFlags, context: CommandContext): Promise<void> {
  const [{ judgeTopic }, { readRuleset }, { newestRules }] = await Promise.all([
    import('./judge-topic.ts'),
    import('./collect-files.ts'),
    import('../collect/rulesets.ts'),
  ])
  const { from, to, verdictRules } = flags
  const ruleset = verdictRules === undefined ? newestRules : await readRuleset(verdictRules)
  if (from === to) {
    const message = `--to is the topic that is read, ${from}: every event would come twice; name another`
    throw new UserError('same_topic', message)
  }
  await partitionsOf(log, from, flags)
  const target = to === undefined ? undefined : await partitionsOf(log, to, flags)
  const { signal, print } = context
  const done = await judgeTopic({ log, from, ruleset, signal, ...(target && { to: target }) })
  for (const [change, count] of done.changes) print(`${change}: ${count}`)
  const where = to === undefined ? '' : `, all events written to ${to}`
  const end = signal.aborted ? ' before it was stopped' : ''
  print(`judged ${done.judged} of ${done.events} events of ${from} by ${ruleset.id}${where}${end}`)
}

async function partitionsOf(log: Log, topic: string, { brokers }: BrokerFlags) {
  const description = await log.topics.describe(topic)
  if (description !== undefined) return { topic, partitions: description.partitions }
  const message = `topic "${topic}" does not exist on ${brokers}: create it, with as many partitions as the other has`
  throw new UserError('unknown_topic', message)
}
