import { Command } from 'commander'
import { registerAudit } from './command-audit.ts'
import { registerBackfill } from './command-backfill.ts'
import { registerBroker } from './command-broker.ts'
import { registerCheck } from './command-check.ts'
import { registerCollect } from './command-collect.ts'
import { registerDead } from './command-dead.ts'
import { registerErasures } from './command-erasures.ts'
import { registerExport } from './command-export.ts'
import { registerFeatures } from './command-features.ts'
import { registerImport } from './command-import.ts'
import { registerJudge } from './command-judge.ts'
import { registerKeys } from './command-keys.ts'
import { registerLink } from './command-link.ts'
import { registerPlan } from './command-plan.ts'
import { registerPoll } from './command-poll.ts'
import { registerQuintiles } from './command-quintiles.ts'
import { registerRejected } from './command-rejected.ts'
import { registerRender } from './command-render.ts'

import { registerReplay } from './command-replay.ts'
import { registerRun } from './command-run.ts'
import { registerServe } from './command-serve.ts'
import { registerStart } from './command-start.ts'
import type { CommandContext } from './context.ts'
import { packageVersion } from './version.ts'

/**
 * The commands and their flags. Parsing rejects with a `CommanderError` after having written to the outputs,
 * or with whatever the command that ran rejected with.
 */
export function createProgram(
  context: CommandContext,
  writeOut: (text: string) => void,
  writeErr: (text: string) => void,
): Command {
  const program = new Command('millrace')
    .description(
      'Per-user features from a stream of events, exactly once, read milliseconds later.',
    )
    .version(packageVersion(), '-v, --version', 'print the version')
    .exitOverride()
    .configureOutput({ writeOut, writeErr, outputError: text => writeErr(usageLine(text)) })
    .addHelpText(
      'after',
      '\nEach flag can be an environment variable too: --tls-ca is MILLRACE_TLS_CA, and --brokers is BROKERS.',
    )
  registerStart(program, context)
  registerBroker(program, context)
  registerRun(program, context)
  registerCheck(program, context)
  registerCollect(program, context)
  registerImport(program, context)
  registerPlan(program, context)
  registerPoll(program, context)
  registerRejected(program, context)
  registerServe(program, context)
  registerKeys(program, context)
  registerLink(program, context)
  registerReplay(program, context)
  registerJudge(program, context)
  registerFeatures(program, context)
  registerQuintiles(program, context)
  registerDead(program, context)
  registerRender(program, context)
  registerBackfill(program, context)
  registerExport(program, context)
  registerErasures(program, context)
  registerAudit(program, context)
  return program
}

function usageLine(text: string): string {
  const fault = text.replace(/^error: /, '').replaceAll(/\s*\n\s*/g, ' ')
  return `millrace: ${fault.trim()} (--help lists what there is)\n`
}
