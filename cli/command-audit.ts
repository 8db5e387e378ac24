import { type Command, InvalidArgumentError } from 'commander'
import type { CommandContext } from './context.ts'
import { flag } from './flags.ts'

interface AuditFlags {
  readonly user?: string
  readonly since?: number
  readonly until?: number
  readonly data: string
  readonly signingKeys?: string
}

/** `millrace audit`: who read what of whom, as serve on this machine has written it down. */
export function registerAudit(program: Command, context: CommandContext): void {
  program
    .command('audit')
    .description("print who read people's data here, one JSON object a line")
    .option('--user <id>', 'of one person')
    .option('--since <time>', 'such as 2026-11-22', parseTime)
    .option('--until <time>', 'such as 2026-11-22T12:00:00Z', parseTime)
    .addOption(
      flag('--data <folder>', 'folder for what is kept on this machine').default('.millrace'),
    )
    .addOption(
      flag('--signing-keys <file>', "serve's, for ids that are hashed; signing.json in --data"),
    )
    .action((flags: AuditFlags) => auditCommand(flags, context))
}

async function auditCommand(flags: AuditFlags, context: CommandContext): Promise<void> {
  const [{ readAudit }, { auditFolders }] = await Promise.all([
    import('../serve/audit-reader.ts'),
    import('./erasure-local.ts'),
  ])
  const { user, since, until, data } = flags
  const names = user === undefined ? undefined : await namesOf(user, flags, context)
  for (const folder of await auditFolders(data)) {
    const query = {
      ...(names !== undefined && { names }),
      ...(since !== undefined && { since }),
      ...(until !== undefined && { until }),
    }
    for await (const line of readAudit(folder, query)) {
      if (context.signal.aborted) return
      context.print(JSON.stringify(line))
    }
  }
}

/** His id, and what stands for it where serve's signing keys are at hand. */
async function namesOf(
  user: string,
  flags: AuditFlags,
  { clock, logger }: CommandContext,
): Promise<string[]> {
  const [{ existsSync }, { openSigning, signingPath }, { hashedIds }] = await Promise.all([
    import('node:fs'),
    import('./key-files.ts'),
    import('../serve/hashed-id.ts'),
  ])
  const json = process.env.MILLRACE_SIGNING_KEYS_JSON
  if (json === undefined && !existsSync(signingPath(flags))) return [user]
  const signing = await openSigning(flags, clock, logger)
  signing.close()
  return [user, hashedIds(signing.value.addressSecret)(user)]
}

function parseTime(text: string): number {
  const ms = Date.parse(text)
  if (Number.isFinite(ms)) return ms
  throw new InvalidArgumentError('Give a date or a time, such as 2026-11-22.')
}
