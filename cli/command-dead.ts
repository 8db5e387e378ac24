import type { Command } from 'commander'
import type { Log } from '../runtime/log.ts'
import type { CommandContext } from './context.ts'
import type { DeadLetter } from './dead-letters.ts'
import { addBrokerFlags, type BrokerFlags, flag, wholeNumber } from './flags.ts'
import { withLog } from './with-log.ts'

interface DeadFlags extends BrokerFlags {
  readonly job: string
}

interface ListFlags extends DeadFlags {
  readonly limit: number
  readonly json: boolean
}

/** `millrace dead list` and `millrace dead replay`. */
export function registerDead(program: Command, context: CommandContext): void {
  const dead = program
    .command('dead')
    .description('look at the records that a job could not take, and send them again')
  const list = dead
    .command('list')
    .description('print the newest records of <job>.dead, and how many there are of each kind')
    .addOption(flag('--job <name>', 'whose dead letters').default('email'))
    .addOption(
      flag('--limit <count>', 'print so many at most')
        .default(20)
        .argParser(wholeNumber(0, 100_000)),
    )
    .addOption(flag('--json', 'print them as JSON, one a line, with key and value').default(false))
  addBrokerFlags(list).action((flags: ListFlags) =>
    withLog(flags, 'millrace-dead', context, log => listCommand(log, flags, context)),
  )
  const replay = dead
    .command('replay')
    .description(
      'after a fix: send the records of <job>.dead to their topic again, each of them once',
    )
    .addOption(flag('--job <name>', 'whose dead letters').default('email'))
  addBrokerFlags(replay).action((flags: DeadFlags) =>
    withLog(flags, 'millrace-dead', context, log => replayCommand(log, flags, context)),
  )
}

async function listCommand(
  log: Log,
  { job, limit, json }: ListFlags,
  { print, signal }: CommandContext,
): Promise<void> {
  const { readDeadLetters } = await import('./dead-letters.ts')
  const counts = new Map<string, number>()
  let newest: DeadLetter[] = []
  const keepNewest = () => {
    newest.sort((one, other) => one.record.timestamp - other.record.timestamp)
    newest = newest.slice(Math.max(0, newest.length - limit))
  }
  for await (const letter of readDeadLetters(log, job, signal)) {
    counts.set(letter.code, (counts.get(letter.code) ?? 0) + 1)
    newest.push(letter)
    if (newest.length >= 2 * limit + 1_000) keepNewest()
  }
  keepNewest()
  for (const letter of newest) print(json ? jsonLine(letter) : textLine(letter))
  if (json) return
  const total = [...counts.values()].reduce((sum, count) => sum + count, 0)
  const kinds = [...counts]
    .sort((one, other) => other[1] - one[1])
    .map(([code, count]) => `${count} ${code}`)
  print(
    total === 0
      ? `${job} has no dead letters`
      : `${total} dead letters of ${job}: ${kinds.join(', ')}`,
  )
}

async function replayCommand(
  log: Log,
  { job }: DeadFlags,
  { print, signal }: CommandContext,
): Promise<void> {
  const { replayDeadLetters } = await import('./dead-replay.ts')
  const { sent, timers, gone, erased } = await replayDeadLetters(log, job, signal)
  const rest = [
    timers > 0 && `${timers} timers have no record`,
    gone > 0 && `${gone} are gone from their topic`,
    erased > 0 && `${erased} are of erased users`,
  ]
  print(
    [`sent ${sent} dead letters of ${job} again`, ...rest.filter(text => text !== false)].join(
      '; ',
    ),
  )
}

function textLine({ record, code, reason, time, origin, timer }: DeadLetter): string {
  const where =
    origin === undefined ? `timer ${timer}` : `${origin.topic} ${origin.partition}:${origin.offset}`
  const key =
    record.key === null ? '' : ` key ${JSON.stringify(record.key.toString('utf8').slice(0, 60))}`
  return `${new Date(time).toISOString()} ${code} ${where}${key} ${reason}`
}

function jsonLine({ record, code, reason, time, origin, timer, truncated }: DeadLetter): string {
  const { partition, offset } = record
  const key = record.key?.toString('utf8') ?? null
  const value = record.value?.toString('utf8') ?? null
  return JSON.stringify({
    partition,
    offset,
    code,
    reason,
    time,
    origin,
    timer,
    truncated,
    key,
    value,
  })
}
