import type { Command } from 'commander'
import type { Log } from '../runtime/log.ts'
import type { CommandContext } from './context.ts'
import { addBrokerFlags, type BrokerFlags, flag } from './flags.ts'
import type { PersonRecord } from './person-records.ts'
import { UserError } from './user-error.ts'
import { withLog } from './with-log.ts'

interface ExportFlags extends BrokerFlags {
  readonly input: string
  readonly also?: readonly string[]
}

/** `millrace export <user>`: all that the topics hold of a person, one JSON object a line. */
export function registerExport(program: Command, context: CommandContext): void {
  const command = program
    .command('export')
    .description('print all that the topics hold of a person, one JSON object a line')
    .argument('<user>', 'user id')
    .addOption(flag('--input <topic>', 'where events go').default('events'))
    .option(
      '--also <id>',
      'an id of a device that is his, too; again for more (those that the input tells are known)',
      (id: string, before: readonly string[] = []) => [...before, id],
    )
  addBrokerFlags(command).action((user: string, flags: ExportFlags) =>
    withLog(flags, 'millrace-export', context, log => exportCommand(log, user, flags, context)),
  )
}

async function exportCommand(
  log: Log,
  user: string,
  { input, also = [] }: ExportFlags,
  { signal, print }: CommandContext,
): Promise<void> {
  const [{ namesOf, personRecords }, { jobsOf }, { outputTopics }] = await Promise.all([
    import('./person-records.ts'),
    import('../serve/erasure-places.ts'),
    import('../runtime/outputs.ts'),
  ])
  if ((await log.topics.describe(input)) === undefined)
    throw new UserError('unknown_topic', `topic "${input}" does not exist: give --input`)
  const names = [...new Set([...(await namesOf(log, input, user, signal)), ...also])]
  const topics = [input, `${input}.rejected`]
  for (const job of await jobsOf(log, input)) {
    const { features, triggers, late, dead } = outputTopics(job)
    topics.push(features, triggers, late, dead)
  }
  for (const topic of topics) {
    if ((await log.topics.describe(topic)) === undefined) continue
    for await (const record of personRecords(log, topic, names, signal)) print(lineOf(record))
  }
}

/** What the broker still has of earlier rows is printed, too: it is what is known of him. */
function lineOf({ topic, record, event, failed }: PersonRecord): string {
  const { partition, offset, timestamp, key, value } = record
  const headers = record.headers().map(([name, text]) => [name, text.toString('utf8')])
  return JSON.stringify({
    ...{ topic, partition, offset, at: new Date(timestamp).toISOString(), key },
    ...(headers.length > 0 && { headers: Object.fromEntries(headers) }),
    ...contentOf(value, event, failed),
  })
}

/** JSON as it is; what is neither that nor an event as its bytes. */
function contentOf(
  value: Buffer | null,
  event: PersonRecord['event'],
  failed: PersonRecord['failed'],
): object {
  if (event !== undefined) return { event: { ...event, state: undefined } }
  if (failed !== undefined || value === null) return { value: failed ?? null }
  try {
    return { value: JSON.parse(value.toString('utf8')) }
  } catch {
    return { base64: value.toString('base64') }
  }
}
