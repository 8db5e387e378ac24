import { join } from 'node:path'
import type { Command } from 'commander'
import type { Log } from '../runtime/log.ts'
import type { CommandContext } from './context.ts'
import { addBrokerFlags, addDataFlags, type BrokerFlags, type DataFlags, flag } from './flags.ts'
import { withLog } from './with-log.ts'

interface BackfillFlags extends BrokerFlags, DataFlags {
  readonly feature: string
  readonly from: string[]
}

/** `millrace backfill <job> --feature x`: the past of a feature that came later. */
export function registerBackfill(program: Command, context: CommandContext): void {
  const command = program
    .command('backfill')
    .description(
      'give a feature that was added to a running job the past that it was not there for',
    )
    .argument(
      '<job>',
      'name of a file in jobs/, or a path to one; its present definition must be running',
    )
    .requiredOption('--feature <name>', 'the feature')
    .addOption(
      flag(
        '--from <file...>',
        "events older than the topic's, one JSON object a line, in order of time",
      ).default([]),
    )
    .addHelpText(
      'after',
      '\nReads the input from its start to where the feature began, and sends what it makes of it to the tasks, which\nmerge it in their own commits. The job goes on meanwhile. A backfill that died is run again: nothing counts twice.',
    )
  addBrokerFlags(command)
  addDataFlags(command).action((job: string, flags: BackfillFlags) =>
    withLog(flags, 'millrace-backfill', context, log => backfillCommand(log, job, flags, context)),
  )
}

async function backfillCommand(
  log: Log,
  name: string,
  { data, instance, feature, from }: BackfillFlags,
  { print, signal, clock, logger }: CommandContext,
): Promise<void> {
  const [{ findJobModule }, { importJob }, { readTableFiles, withTables }, { backfill }] =
    await Promise.all([
      import('./job-module.ts'),
      import('../runtime/job-module.ts'),
      import('../runtime/tables.ts'),
      import('./backfill.ts'),
    ])
  const jobUrl = await findJobModule(name, process.cwd())
  const defined = await importJob(jobUrl)
  const tableFiles = await readTableFiles(defined.tables?.sources ?? {}, jobUrl)
  const { job } = await withTables(defined, tableFiles)
  const counts = { events: 0, users: 0 }
  const stop = clock.every(5_000, () => logger.info(counts, 'backfill'))
  try {
    const folder = join(data, 'backfill', job.name, instance, feature)
    const sent = await backfill({
      ...{ log, clock, job, feature, files: from, folder, signal },
      onProgress: (what, count) => {
        counts[what] += count
      },
    })
    print(`${feature} of ${job.name}: ${counts.events} events of the past, for ${sent} users`)
  } finally {
    stop()
  }
}
