import { readFileSync } from 'node:fs'
import type { Command } from 'commander'
import { flag, parseUrl } from './flags.ts'
import { UserError } from './user-error.ts'

/** Where events are sent to, and with which key. */
export interface CollectFlags {
  readonly collect: string
  readonly writeKey?: string
  readonly writeKeyFile?: string
}

export function addCollectFlags(command: Command): Command {
  return command
    .addOption(
      flag('--collect <url>', 'where "millrace collect" listens')
        .default('http://127.0.0.1:8081')
        .argParser(parseUrl),
    )
    .addOption(
      flag('--write-key <secret>', 'key of the source; better from its variable or a file').default(
        undefined,
        'dev',
      ),
    )
    .addOption(flag('--write-key-file <file>', 'file that holds the key'))
}

/** Throws a `UserError` where it is none. */
export function writeKeyOf({ writeKey, writeKeyFile }: CollectFlags): string {
  const key =
    writeKeyFile === undefined ? (writeKey ?? 'dev') : readFileSync(writeKeyFile, 'utf8').trim()
  if (/^[\x21-\x7e]+$/.test(key)) return key
  const where = writeKeyFile ?? '--write-key'
  throw new UserError('no_write_key', `${where} holds no write key: expected one, without spaces`)
}
