import type { Command } from 'commander'
import type { CommandContext } from './context.ts'
import { addDataFlags, type DataFlags, flag, parseUrl } from './flags.ts'
import { UserError } from './user-error.ts'

interface LinkFlags extends DataFlags {
  readonly email: string
  readonly user?: string
  readonly anonymous?: string
  readonly campaign?: string
  readonly list?: string
  readonly target?: string
  readonly linkId?: string
  readonly publicUrl: string
  readonly signingKeys?: string
}

/** `millrace link`: the signed links of one email, to try them, or for who sends without Node. */
export function registerLink(program: Command, context: CommandContext): void {
  const command = program
    .command('link')
    .description("print one email's signed links: its pixel, a click, and how to unsubscribe")
    .requiredOption('--email <id>', 'the email, the same in all of its links')
    .option('--user <id>', 'who gets it')
    .option('--anonymous <id>', 'who gets it, where no user is known')
    .option('--campaign <id>', 'what it belongs to')
    .option('--list <name>', 'what unsubscribing is from; the person reads it')
    .option('--target <url>', 'where a click leads')
    .option('--link-id <id>', 'tells links with one target apart')
    .addOption(
      flag('--public-url <url>', 'where browsers find collect')
        .default('http://127.0.0.1:8081')
        .argParser(parseUrl),
    )
    .addOption(flag('--signing-keys <file>', "collect's; signing.json in --data when left out"))
  addDataFlags(command).action((flags: LinkFlags) => linkCommand(flags, context))
}

async function linkCommand(flags: LinkFlags, { clock, logger, print }: CommandContext) {
  const [{ openSigning }, { emailLinks, LinkError }] = await Promise.all([
    import('./key-files.ts'),
    import('../http/email-links.ts'),
  ])
  const signing = await openSigning(flags, clock, logger)
  try {
    const { email: emailId, user, anonymous, campaign, list, target, linkId } = flags
    const mailing = {
      emailId,
      ...(user !== undefined && { userId: user }),
      ...(anonymous !== undefined && { anonymousId: anonymous }),
      ...(campaign !== undefined && { campaignId: campaign }),
      ...(list !== undefined && { list }),
    }
    const { tokens } = signing.value
    const links = emailLinks({ tokens, baseUrl: flags.publicUrl, sentAt: clock.now() })
    const click =
      target && links.clickUrl(mailing, { target, ...(linkId !== undefined && { linkId }) })
    const shown = {
      pixel: links.pixelUrl(mailing),
      ...(click && { click }),
      unsubscribe: links.unsubscribeUrl(mailing),
      headers: links.unsubscribeHeaders(mailing),
    }
    print(JSON.stringify(shown, null, 2))
  } catch (error) {
    if (error instanceof LinkError) throw new UserError(error.code, error.message, error)
    throw error
  } finally {
    signing.close()
  }
}
