import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Command } from 'commander'
import type { PollSource } from '../collect/poller-source.ts'
import type { CommandContext } from './context.ts'
import { type DataFlags, flag } from './flags.ts'
import { addCollectFlags, type CollectFlags, writeKeyOf } from './flags-collect.ts'
import { UserError } from './user-error.ts'

interface PollFlags extends CollectFlags, Pick<DataFlags, 'data'> {
  readonly once: boolean
}

/** With `--once`, collect may be away for so long. */
const GIVE_UP_MS = 5 * 60_000

/** `millrace poll`: a REST source's changes through collect. */
export function registerPoll(program: Command, context: CommandContext): void {
  const command = program
    .command('poll')
    .description("ask a REST source for what has changed, and send it to collect's events")
    .argument(
      '<file>',
      'what is asked and what becomes of the answer: docs/IMPORTS.md has examples',
    )
    .addOption(flag('--once', 'end after one pass').default(false))
    .addOption(
      flag('--data <folder>', 'folder for what is kept on this machine').default('.millrace'),
    )
  addCollectFlags(command)
  command.action((file: string, flags: PollFlags) => pollCommand(file, flags, context))
}

async function pollCommand(
  file: string,
  flags: PollFlags,
  { clock, signal, logger, print }: CommandContext,
): Promise<void> {
  const [{ CollectClient, CollectError }, { poll, pollOnce }, { loginOf }, { lockFolder }] =
    await Promise.all([
      import('../collect/collect-client.ts'),
      import('../collect/poller.ts'),
      import('./poll-login.ts'),
      import('../runtime/folder-lock.ts'),
    ])
  const source = await readSource(file)
  const writeKey = writeKeyOf(flags)
  const login = () => loginOf(source.auth, process.env)
  await login() // a secret that is missing is told before anything is asked
  const folder = join(flags.data, 'poll', source.name)
  const unlock = await lockFolder(folder, clock.now(), {
    ...{ whose: "the poller's", remedy: 'give the source another name' },
  })
  const client = new CollectClient({
    ...{ url: flags.collect, writeKey, clock, signal, ...(flags.once && { giveUpMs: GIVE_UP_MS }) },
    onTrouble: (reason, waitMs) =>
      logger.warn({ reason, waitMs }, 'collect takes nothing; waiting'),
  })
  const total = { pages: 0, accepted: 0, rejected: 0 }
  try {
    await (flags.once ? pollOnce : poll)({
      ...{ source, login, client, clock, signal, positionPath: join(folder, 'position.json') },
      onTrouble: (reason, waitMs) => logger.warn({ reason, waitMs }, 'the source does not answer'),
      onPage({ accepted, rejected, fault }) {
        total.pages += 1
        total.accepted += accepted
        total.rejected += rejected
        const what = { source: source.name, accepted, rejected }
        if (rejected > 0) logger.warn({ ...what, fault }, 'events were rejected')
        else if (accepted > 0) logger.info(what, 'page taken')
      },
    })
  } catch (error) {
    if (!(error instanceof CollectError) || error.code !== 'interrupted') throw error
  } finally {
    client.close()
    await unlock()
  }
  const rejected = total.rejected > 0 ? `; ${total.rejected} were rejected` : ''
  print(`${source.name}: ${total.accepted} events of ${total.pages} pages${rejected}`)
}

async function readSource(file: string): Promise<PollSource> {
  const { BadPollSource, pollSourceReader } = await import('../collect/poller-source.ts')
  const text = readFileSync(file, 'utf8')
  try {
    return pollSourceReader()(JSON.parse(text))
  } catch (error) {
    if (error instanceof SyntaxError)
      throw new UserError('bad_poll_source', `${file} is not JSON: ${error.message}`, error)
    if (error instanceof BadPollSource)
      throw new UserError('bad_poll_source', `${file}: ${error.message}`, error)
    throw error
  }
}
