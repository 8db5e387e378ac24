import type { Command } from 'commander'
import type { CommandContext } from './context.ts'
import { flag } from './flags.ts'
import { UserError } from './user-error.ts'

interface CheckFlags {
  readonly plan: string
}

/** So many lines that do not fit are printed; all are counted. */
const PRINTED_MAX = 100

/** `millrace plan check`: what a tracking plan would say of events that are there. */
export function registerPlan(program: Command, context: CommandContext): void {
  const plan = program.command('plan').description('try a tracking plan before it is enforced')
  plan
    .command('check')
    .description('check the plan itself, and hold the events of files against it')
    .argument('[files...]', 'events, one JSON object a line; unpacked if the name ends in .gz')
    .addOption(flag('--plan <folder>', 'its schemas').makeOptionMandatory())
    .addHelpText(
      'after',
      '\nEnds with exit code 1 where an event does not fit, whatever the mode of the plan.',
    )
    .action((files: string[], flags: CheckFlags) => checkCommand(files, flags, context))
}

async function checkCommand(
  files: readonly string[],
  { plan: folder }: CheckFlags,
  { print, signal }: CommandContext,
): Promise<void> {
  const [{ readPlan }, { ndjsonRows }] = await Promise.all([
    import('../collect/plan-files.ts'),
    import('./import-rows.ts'),
  ])
  const plan = await readPlan(folder)
  const faults = new Map<string, number>()
  let events = 0
  let printed = 0
  const tell = (where: string, what: string) => {
    faults.set(what, (faults.get(what) ?? 0) + 1)
    if (++printed <= PRINTED_MAX) print(`${where}: ${what}`)
  }
  for (const file of files) {
    for await (const each of ndjsonRows(file)) {
      if (signal.aborted) return
      events++
      const where = `${file}:${each.line}`
      if ('fault' in each) {
        tell(where, each.fault)
        continue
      }
      const { type = 'track', event } = each.row
      for (const { path, reason } of plan.judge({ ...each.row, type: String(type) }))
        tell(where, `${type === 'track' ? JSON.stringify(event ?? '') : type}: ${path} ${reason}`)
    }
  }
  if (files.length === 0) return print(`${folder} is a plan, with mode ${plan.mode}`)
  const bad = [...faults.values()].reduce((sum, count) => sum + count, 0)
  if (bad === 0) return print(`all of ${events} events fit ${folder}`)
  const kinds = [...faults].sort((one, other) => other[1] - one[1])
  for (const [what, count] of kinds.slice(0, PRINTED_MAX)) print(`${count} × ${what}`)
  throw new UserError('plan_faults', `${bad} of ${events} events do not fit ${folder}`)
}
