import { existsSync } from 'node:fs'
import { dirname } from 'node:path'
import type { Command } from 'commander'
import type { Addresses } from '../collect/address.ts'
import type { Log } from '../runtime/log.ts'
import type { CommandContext } from './context.ts'
import { addBrokerFlags, type BrokerFlags, flag, wholeNumber } from './flags.ts'
import type { RejectedEvent } from './rejected-events.ts'
import type { SetAsideRecord } from './set-aside.ts'
import { UserError } from './user-error.ts'
import { withLog } from './with-log.ts'

interface ListFlags extends BrokerFlags {
  readonly topic: string
  readonly limit: number
  readonly json: boolean
  readonly all: boolean
  readonly data: string
}

interface ReplayFlags extends BrokerFlags {
  readonly topic: string
  readonly plan?: string
  readonly withoutPlan: boolean
  readonly eventBytes: number
  readonly signingKeys?: string
  readonly data: string
}

/** `millrace rejected list` and `millrace rejected replay`. */
export function registerRejected(program: Command, context: CommandContext): void {
  const rejected = program
    .command('rejected')
    .description('look at the events that collect did not take, and have them taken after a fix')
  const list = rejected
    .command('list')
    .description('print the newest rejected events, and how many there are of each kind')
    .addOption(flag('--topic <topic>', 'where events go').default('events'))
    .addOption(
      flag('--limit <count>', 'print so many at most')
        .default(20)
        .argParser(wholeNumber(0, 100_000)),
    )
    .addOption(flag('--json', 'print them as JSON, one a line, with the event').default(false))
    .addOption(flag('--all', 'also those that were replayed').default(false))
    .addOption(
      flag('--data <folder>', "collect's: what no topic took lies there").default('.millrace'),
    )
  addBrokerFlags(list).action((flags: ListFlags) =>
    withLog(flags, 'millrace-rejected', context, log => listCommand(log, flags, context)),
  )
  const replay = rejected
    .command('replay')
    .description(
      'after a fix: judge the rejected events again, and take those that are good now, each once',
    )
    .addOption(flag('--topic <topic>', 'where events go').default('events'))
    .addOption(flag('--plan <folder>', 'the tracking plan that they are judged by'))
    .addOption(flag('--without-plan', 'judge them by none').default(false))
    .addOption(
      flag('--event-bytes <n>', 'the most of one event, as at collect')
        .default(32_768)
        .argParser(wholeNumber(1_024, 900_000)),
    )
    .addOption(flag('--signing-keys <file>', "collect's; signing.json in --data when left out"))
    .addOption(
      flag('--data <folder>', 'folder for what is kept on this machine').default('.millrace'),
    )
  addBrokerFlags(replay).action((flags: ReplayFlags) =>
    withLog(flags, 'millrace-rejected', context, log => replayCommand(log, flags, context)),
  )
}

async function listCommand(
  log: Log,
  { topic, limit, json, all, data }: ListFlags,
  { print, signal }: CommandContext,
): Promise<void> {
  await listSetAside(data, limit, json, print)
  const { readRejected } = await import('./rejected-events.ts')
  const counts = new Map<string, number>()
  let newest: RejectedEvent[] = []
  const keepNewest = () => {
    newest.sort((one, other) => one.record.timestamp - other.record.timestamp)
    newest = newest.slice(Math.max(0, newest.length - limit))
  }
  for await (const event of readRejected(log, topic, all, signal)) {
    const kind = event.failed?.code ?? 'unreadable'
    counts.set(kind, (counts.get(kind) ?? 0) + 1)
    newest.push(event)
    if (newest.length >= 2 * limit + 100) keepNewest()
  }
  keepNewest()
  for (const event of newest) print(json ? jsonLine(event) : textLine(event))
  if (json) return
  const total = [...counts.values()].reduce((sum, count) => sum + count, 0)
  const kinds = [...counts]
    .sort((one, other) => other[1] - one[1])
    .map(([code, count]) => `${count} ${code}`)
  print(total === 0 ? 'no rejected events wait' : `${total} rejected events: ${kinds.join(', ')}`)
}

/** What collectors of this machine keep since no topic took it; nothing is said where there is none. */
async function listSetAside(
  data: string,
  limit: number,
  json: boolean,
  print: CommandContext['print'],
): Promise<void> {
  const { readSetAside } = await import('./set-aside.ts')
  const newest: SetAsideRecord[] = []
  const folders = new Set<string>()
  let count = 0
  for await (const record of readSetAside(data)) {
    count++
    folders.add(dirname(record.file))
    newest.push(record)
    if (newest.length > limit) newest.shift()
  }
  for (const { at, ...record } of newest) {
    const setAsideAt = new Date(at).toISOString()
    const { topic, key, bytes, file } = record
    if (json) print(JSON.stringify({ setAsideAt, ...record }))
    else print(`${setAsideAt} set_aside topic ${topic} key ${key} ${bytes} bytes ${file}`)
  }
  if (count > 0 && !json)
    print(
      `${count} records that no topic took are set aside in ${[...folders].join(', ')}: docs/COLLECT.md says how they are sent`,
    )
}

async function replayCommand(log: Log, flags: ReplayFlags, context: CommandContext): Promise<void> {
  const { topic, plan: folder, withoutPlan, eventBytes } = flags
  if ((folder === undefined) !== withoutPlan)
    throw new UserError(
      'no_plan',
      'give either --plan, the folder that collect judges by, or --without-plan where it has none',
    )
  const [{ replayRejected }, { readPlan }] = await Promise.all([
    import('./rejected-replay.ts'),
    import('../collect/plan-files.ts'),
  ])
  const addresses = await addressesAt(flags, context)
  const { taken, rejected, erased, lost } = await replayRejected({
    ...{ log, topic, eventBytesMax: eventBytes, signal: context.signal },
    ...(folder !== undefined && { plan: await readPlan(folder) }),
    ...(addresses !== undefined && { addresses }),
  })
  const rest = [
    rejected > 0 && `${rejected} were rejected again`,
    erased > 0 && `${erased} are of erased users, and were left out`,
    lost > 0 && `${lost} were not kept whole, and are lost`,
  ]
  context.print(
    [`took ${taken} rejected events`, ...rest.filter(text => text !== false)].join('; '),
  )
}

/** With other keys than collect's, what it wrote of an address before would not be found. */
async function addressesAt(
  flags: ReplayFlags,
  { clock, logger }: CommandContext,
): Promise<Addresses | undefined> {
  const [{ openSigning, signingPath }, { addressesOf }] = await Promise.all([
    import('./key-files.ts'),
    import('../collect/address.ts'),
  ])
  const path = signingPath(flags)
  if (process.env.MILLRACE_SIGNING_KEYS_JSON === undefined && !existsSync(path)) {
    if (flags.signingKeys !== undefined)
      throw new UserError(
        'no_signing_keys',
        `${path} does not exist: give collect's --signing-keys`,
      )
    logger.warn(
      { path },
      "collect's signing keys are not there, so email addresses of profiles are not joined to their users: give --signing-keys",
    )
    return undefined
  }
  const signing = await openSigning(flags, clock, logger)
  signing.close()
  return addressesOf(signing.value.addressSecret)
}

function textLine({ record, failed }: RejectedEvent): string {
  const where = `${record.partition}:${record.offset}`
  if (failed === undefined) return `${new Date(record.timestamp).toISOString()} unreadable ${where}`
  const { receivedAt, code, source, path, reason } = failed
  return [receivedAt, code, where, `source ${source}`, path, reason].filter(Boolean).join(' ')
}

function jsonLine({ record, failed }: RejectedEvent): string {
  const { partition, offset } = record
  return JSON.stringify({ partition, offset, ...failed })
}
