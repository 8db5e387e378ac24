import type { Command } from 'commander'
import type { Log } from '../runtime/log.ts'
import type { CommandContext } from './context.ts'
import type { Looked } from './erasure-check.ts'
import { addBrokerFlags, type BrokerFlags, flag, parseUrl } from './flags.ts'
import { UserError } from './user-error.ts'
import { withLog } from './with-log.ts'

interface VerifyFlags extends BrokerFlags {
  readonly input: string
  readonly also?: readonly string[]
  readonly serve?: string
  readonly data: string
  readonly json: boolean
}

const ASK_MS = 10_000

/** `millrace erasures verify <user>`: looks in each place that an erasure has to reach. */
export function registerErasures(program: Command, context: CommandContext): void {
  const verify = program
    .command('erasures')
    .description('look whether somebody who was erased is gone')
    .command('verify')
    .description('look in each place for somebody who was erased; ends with 1 where he still is')
    .argument('<user>', 'user id')
    .addOption(flag('--input <topic>', 'where events go').default('events'))
    .option(
      '--also <id>',
      'an id of a device that is his, too; again for more (those that the input tells are known)',
      (id: string, before: readonly string[] = []) => [...before, id],
    )
    .addOption(
      flag(
        '--serve <url>',
        "asks this server's view, too, with the key in MILLRACE_READ_KEY",
      ).argParser(parseUrl),
    )
    .addOption(
      flag('--data <folder>', 'what is kept on this machine: spools and audit logs').default(
        '.millrace',
      ),
    )
    .addOption(flag('--json', 'one object a line').default(false))
  addBrokerFlags(verify).action((user: string, flags: VerifyFlags) =>
    withLog(flags, 'millrace-erasures', context, log => verifyCommand(log, user, flags, context)),
  )
}

async function verifyCommand(
  log: Log,
  user: string,
  flags: VerifyFlags,
  { clock, signal, print }: CommandContext,
): Promise<void> {
  const [{ checkErasure }, { lookHere }, { namesOf }] = await Promise.all([
    import('./erasure-check.ts'),
    import('./erasure-local.ts'),
    import('./person-records.ts'),
  ])
  const { input, also = [] } = flags
  if ((await log.topics.describe(input)) === undefined)
    throw new UserError('unknown_topic', `topic "${input}" does not exist: give --input`)
  const names = [...new Set([...(await namesOf(log, input, user, signal)), ...also])]
  const found = [
    ...(await checkErasure({ log, input, user, names, now: clock.now(), signal })),
    ...(await lookHere(flags.data, names)),
    await lookAtView(flags.serve, user, signal),
  ]
  for (const line of flags.json ? found.map(each => JSON.stringify(each)) : table(found))
    print(line)
  const wrong = found.filter(({ ok }) => !ok)
  if (wrong.length === 0) return
  const where = wrong.map(({ place }) => place).join(', ')
  throw new UserError(
    'not_erased',
    `not as promised: ${where}; what to do stands in docs/PRIVACY.md`,
  )
}

async function lookAtView(
  serve: string | undefined,
  user: string,
  signal: AbortSignal,
): Promise<Looked> {
  const place = 'view of serve'
  if (serve === undefined) return { place, finding: 'not looked at: give --serve', ok: true }
  const url = new URL(`v1/users/${encodeURIComponent(user)}/features`, serve)
  const key = process.env.MILLRACE_READ_KEY
  const headers = key === undefined ? undefined : { authorization: `Bearer ${key}` }
  const limits = AbortSignal.any([signal, AbortSignal.timeout(ASK_MS)])
  const answer = await fetch(url, { ...(headers && { headers }), signal: limits }).catch(
    (error: unknown) => {
      throw new UserError('no_serve', `nothing answers at ${serve}: is --serve right?`, error)
    },
  )
  await answer.body?.cancel()
  if (answer.status === 404) return { place, finding: 'nothing', ok: true }
  if (answer.status === 200) return { place, finding: 'it has a row of him', ok: false }
  throw new UserError('serve_refused', `${serve} answered ${answer.status}: see MILLRACE_READ_KEY`)
}

function table(found: readonly Looked[]): string[] {
  const width = Math.max(...found.map(({ place }) => place.length))
  return found.map(({ place, finding, until, ok }) => {
    const gone = until === undefined ? '' : `, gone by ${until}`
    return `${ok ? 'ok  ' : 'LEFT'}  ${place.padEnd(width)}  ${finding}${gone}`
  })
}
