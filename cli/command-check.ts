import { access } from 'node:fs/promises'
import type { Command } from 'commander'
import type { Job } from '../jobs/job.ts'
import type { CommandContext } from './context.ts'
import { flag, wholeNumber } from './flags.ts'
import { UserError } from './user-error.ts'

interface CheckFlags {
  readonly sample?: string
  readonly limit: number
}

/** `millrace check <job>`: what a job is made of, and what it would make of a file of events. */
export function registerCheck(program: Command, context: CommandContext): void {
  program
    .command('check')
    .description(
      'check a job without a broker: print its features and, with a sample of events, which of its names and paths are not in them, and what it could not take',
    )
    .argument('<job>', 'name of a file in jobs/, or a path to one')
    .addOption(flag('--sample <file>', 'events, one JSON object a line, plain or .gz'))
    .addOption(
      flag('--limit <n>', 'read so many lines of it at most')
        .default(100_000)
        .argParser(wholeNumber(1, 10_000_000)),
    )
    .action((job: string, flags: CheckFlags) => checkCommand(job, flags, context))
}

async function checkCommand(
  name: string,
  { sample, limit }: CheckFlags,
  context: CommandContext,
): Promise<void> {
  const { findJobModule } = await import('./job-module.ts')
  const { importJob } = await import('../runtime/job-module.ts')
  const { describeJob, tellSample } = await import('./check-report.ts')
  const url = await findJobModule(name, process.cwd())
  const job = await withTables(await importJob(url), url)
  const { definition } = job
  if (definition === undefined)
    throw new UserError(
      'no_definition',
      `${name} is no job of defineJob, so there is nothing to check: expected export default defineJob({…})`,
    )
  const rekeys = job.rekeys?.filter(topic => topic !== job.input)
  for (const line of describeJob(definition, rekeys)) context.print(line)
  if (sample === undefined) return
  await access(sample)
  const { checkSample } = await import('./check-sample.ts')
  const options = { limit, now: context.clock.now(), signal: context.signal }
  const found = await checkSample(job, definition, sample, options)
  for (const line of tellSample(found, sample)) context.print(line)
}

async function withTables(job: Job, url: string): Promise<Job> {
  if (job?.tables === undefined) return job
  const { openTables, readTableFiles } = await import('../runtime/tables.ts')
  const { sources, bind } = job.tables
  const { tables } = await openTables(sources, await readTableFiles(sources, url))
  return { ...bind(tables), ...(job.definition && { definition: job.definition }) }
}
