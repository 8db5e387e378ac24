import { join } from 'node:path'
import { Argument, type Command } from 'commander'
import type { CommandContext } from './context.ts'
import type { ErasedList } from './erased-list.ts'
import { addBrokerFlags, type BrokerFlags, type DataFlags, flag } from './flags.ts'
import { addCollectFlags, type CollectFlags, writeKeyOf } from './flags-collect.ts'
import type { ImportKind } from './import-columns.ts'
import type { ImportPosition } from './import-position.ts'

interface ImportFlags extends CollectFlags, Pick<DataFlags, 'data'>, BrokerFlags {
  readonly topic: string
  readonly format?: 'csv' | 'ndjson'
  readonly delimiter?: string
  readonly column: string[]
  readonly userIdColumn?: string
  readonly timeColumn?: string
  readonly idColumn?: string
  readonly event?: string
  readonly again: boolean
}

const KINDS: readonly ImportKind[] = ['profiles', 'events', 'products']
const GIVE_UP_MS = 5 * 60_000
const PROGRESS_MS = 5_000
/** So many bad lines are named; the rest is only counted. */
const BAD_NAMED = 100

/** `millrace import`: a file's rows through collect. */
export function registerImport(program: Command, context: CommandContext): void {
  const command = program
    .command('import')
    .description('send the rows of a CSV or NDJSON file to collect; run again, it goes on')
    .addArgument(new Argument('<kind>', 'what the rows are').choices(KINDS))
    .argument(
      '<file>',
      'CSV with a header line, or one JSON object a line; unpacked if it ends in .gz',
    )
    .addOption(flag('--format <format>', 'what its name does not say').choices(['csv', 'ndjson']))
    .addOption(flag('--delimiter <character>', 'between cells; a tab in .tsv, else a comma'))
    .addOption(
      flag(
        '--column <mapping>',
        'what a column is: "E-Mail=email", "Age=age:number", "Street=address.street"; "Note=" leaves it out; again for each',
      )
        .default([])
        .argParser((mapping: string, before: string[]) => [...before, mapping]),
    )
    .addOption(flag('--user-id-column <header>', 'the column that holds the user id'))
    .addOption(flag('--time-column <header>', 'the column that says when it happened or changed'))
    .addOption(flag('--id-column <header>', "the column that holds a product's id"))
    .addOption(flag('--event <name>', 'name of events in a file that has no column for it'))
    .addOption(flag('--again', 'import a file anew that was imported whole').default(false))
    .addHelpText(
      'after',
      '\nA file that was interrupted goes on where it was; rows that were sent twice have the same message ids. Other\ncolumns become traits of a profile, properties of an event, members of a product. docs/IMPORTS.md has more.',
    )
  addCollectFlags(command)
  command.addOption(
    flag('--data <folder>', 'folder for what is kept on this machine').default('.millrace'),
  )
  command.addOption(flag('--topic <topic>', 'of events: who was erased from it').default('events'))
  addBrokerFlags(command).action(async (kind: ImportKind, file: string, flags: ImportFlags) => {
    // Whoever imports may reach collect alone, so that brokers are asked only where somebody names them.
    const named = command.getOptionValueSource('brokers') !== 'default'
    const erased = kind === 'products' ? undefined : await erasedUsers(flags, named, context)
    return importCommand(kind, file, flags, erased, context)
  })
}

/** Those whom the jobs on the brokers have erased; `undefined` where nobody is asked. */
async function erasedUsers(
  flags: ImportFlags,
  isNamed: boolean,
  context: CommandContext,
): Promise<ErasedList | undefined> {
  if (!isNamed) {
    context.logger.warn('nobody is asked who was erased: --brokers says where, if somebody was')
    return undefined
  }
  const [{ readErased }, { withLog }] = await Promise.all([
    import('./erased-list.ts'),
    import('./with-log.ts'),
  ])
  let list: ErasedList | undefined
  await withLog(flags, 'millrace-import', context, async log => {
    list = await readErased(log, flags.topic, { signal: context.signal })
  })
  return list
}

async function importCommand(
  kind: ImportKind,
  file: string,
  flags: ImportFlags,
  erased: ErasedList | undefined,
  { clock, signal, logger, print }: CommandContext,
): Promise<void> {
  const [
    { CollectClient },
    { importRows },
    { digestOf, importName, startOf },
    { rowsIn },
    { lockFolder },
    { isErasedInFile },
  ] = await Promise.all([
    import('../collect/collect-client.ts'),
    import('./import.ts'),
    import('./import-position.ts'),
    import('./import-file.ts'),
    import('../runtime/folder-lock.ts'),
    import('./past-identities.ts'),
  ])
  const reading = readingOf(kind, flags)
  const writeKey = writeKeyOf(flags)
  const { digest, lines } = await digestOf(file, reading)
  const name = importName(kind, file)
  const folder = join(flags.data, 'import', name)
  const unlock = await lockFolder(folder, clock.now(), {
    ...{ whose: "the import's", remedy: 'wait for it' },
  })
  const client = new CollectClient({
    ...{ url: flags.collect, writeKey, clock, signal, giveUpMs: GIVE_UP_MS },
    onTrouble: (reason, waitMs) =>
      logger.warn({ reason, waitMs }, 'collect takes nothing; waiting'),
  })
  try {
    const positionPath = join(folder, 'position.json')
    const { position: from, changed } = await startOf(positionPath, digest, flags.again)
    if (from.done) return print(`${file} was imported before, whole; --again imports it anew`)
    if (changed)
      logger.warn(
        { file },
        'the file, or how it is read, has changed since it was interrupted: it begins anew',
      )
    if (from.rows > 0) logger.info({ rows: from.rows }, 'going on after the rows that are done')
    let bad = 0
    let told = clock.elapsed()
    const position = await importRows({
      ...{ kind, name, from, positionPath, client, clock, signal, rows: rowsIn(file, reading) },
      isErased: erased && (row => isErasedInFile(erased, row, clock.now())),
      onBadLine(line, reason) {
        if (++bad <= BAD_NAMED) logger.warn({ file, line, reason }, 'left out')
        if (bad === BAD_NAMED) logger.warn('more bad lines are only counted')
      },
      onProgress({ rows, accepted }, line) {
        if (clock.elapsed() - told < PROGRESS_MS) return
        told = clock.elapsed()
        const percent =
          lines > 0 ? { percent: Math.min(100, Math.floor((100 * line) / lines)) } : {}
        logger.info({ rows, accepted, ...percent }, 'importing')
      },
    })
    print(summary(kind, file, position))
  } finally {
    client.close()
    await unlock()
  }
}

function readingOf(kind: ImportKind, flags: ImportFlags) {
  const named = { userId: flags.userIdColumn, timestamp: flags.timeColumn, id: flags.idColumn }
  const columns = Object.entries(named).flatMap(([name, header]) =>
    header === undefined ? [] : [`${header}=${name}`],
  )
  return {
    ...{ kind, columns: [...columns, ...flags.column] },
    ...(flags.format !== undefined && { format: flags.format }),
    ...(flags.delimiter !== undefined && { delimiter: flags.delimiter }),
    ...(flags.event !== undefined && { event: flags.event }),
  }
}

function summary(
  kind: ImportKind,
  file: string,
  { accepted, bad, erased, rows, done }: ImportPosition,
): string {
  const left =
    (bad > 0 ? `; left out ${bad} bad rows` : '') +
    (erased > 0 ? `; left out ${erased} rows of erased users` : '')
  return done
    ? `imported ${accepted} ${kind} of ${file}${left}`
    : `stopped after ${rows} rows of ${file}${left}; run it again, and it goes on`
}
