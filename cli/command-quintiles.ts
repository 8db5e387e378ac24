import type { Command } from 'commander'
import type { CommandContext } from './context.ts'
import { addBrokerFlags, type BrokerFlags, flag } from './flags.ts'
import { withLog } from './with-log.ts'

interface QuintilesFlags extends BrokerFlags {
  readonly feature: string
}

/** `millrace quintiles <job>`: the edges of an rfm feature, by all users. */
export function registerQuintiles(program: Command, context: CommandContext): void {
  const command = program
    .command('quintiles')
    .description("print a table of the edges that part a job's users into fifths by their orders")
    .argument('<job>', 'name of a job that has run on these brokers')
    .addOption(flag('--feature <name>', 'its rfm feature').default('rfm'))
    .addHelpText(
      'after',
      "\nReads the rows of <job>.features. Write it to a file beside the job, millrace quintiles email > edges.csv, and name\nthat: tables: { edges: table('edges.csv', { key: 'measure' }) }, rfm: rfm({ edges: 'edges' }).",
    )
  addBrokerFlags(command).action((job: string, flags: QuintilesFlags) =>
    withLog(flags, 'millrace-quintiles', context, async log => {
      const { rfmQuintiles } = await import('./rfm-quintiles.ts')
      for (const line of await rfmQuintiles(log, job, flags.feature, context)) context.print(line)
    }),
  )
}
