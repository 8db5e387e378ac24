import { readFileSync } from 'node:fs'
import { type Command, InvalidArgumentError } from 'commander'
import type { RegistryOptions } from '../runtime/registry.ts'
import { flag } from './flags.ts'
import { UserError } from './user-error.ts'

export interface RegistryFlags {
  readonly schemaRegistry?: string
  readonly schemaRegistryUser?: string
  readonly schemaRegistrySecretFile?: string
}

export function addRegistryFlags(command: Command): Command {
  return command
    .addOption(
      flag(
        '--schema-registry <url>',
        "read values with Confluent framing (Avro, JSON Schema) by this registry's schemas",
      ).argParser(parseRegistry),
    )
    .addOption(
      flag(
        '--schema-registry-user <name>',
        'user to log in as; the secret comes from MILLRACE_SCHEMA_REGISTRY_SECRET or a file',
      ),
    )
    .addOption(flag('--schema-registry-secret-file <file>', 'file that holds the secret'))
}

/** Throws a `UserError` where the flags do not fit together. */
export function registryOptions(flags: RegistryFlags): RegistryOptions | undefined {
  const { schemaRegistry: url, schemaRegistryUser: user, schemaRegistrySecretFile: file } = flags
  if (url === undefined) return undefined
  if (user === undefined) return { url }
  const secret =
    file === undefined
      ? process.env.MILLRACE_SCHEMA_REGISTRY_SECRET
      : readFileSync(file, 'utf8').trimEnd()
  if (secret === undefined || secret === '')
    throw new UserError(
      'registry_login_incomplete',
      '--schema-registry-user needs a secret: give MILLRACE_SCHEMA_REGISTRY_SECRET or --schema-registry-secret-file too',
    )
  return { url, login: { user, secret } }
}

export function parseRegistry(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : undefined
  if (url === undefined || !/^https?:$/.test(url.protocol))
    throw new InvalidArgumentError('Give a URL, such as http://127.0.0.1:8081.')
  if (url.username !== '' || url.password !== '')
    throw new InvalidArgumentError(
      'Give no user in the URL: it is shown in logs. --schema-registry-user is for that.',
    )
  return url.href.replace(/\/+$/, '')
}
