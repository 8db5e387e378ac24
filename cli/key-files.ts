import { join } from 'node:path'
import type { BaseLogger } from 'pino'
import { parseKeyFile } from '../http/key-file.ts'
import { type HashedKey, type Keys, keysOf } from '../http/keys.ts'
import { createSecretFile, readSecretFile, SecretFileError } from '../http/secret-file.ts'
import {
  formatSigningFile,
  newSigningSecrets,
  parseSigningFile,
  type SigningSecrets,
  signingKeysOf,
} from '../http/signing-file.ts'
import { createTokens, type Tokens } from '../http/tokens.ts'
import { type Watched, watchFiles } from '../http/watched-files.ts'
import type { Clock } from '../runtime/clock.ts'
import { UserError } from './user-error.ts'

/** What stands in a file, as it is now: `value` follows it. */
export interface OpenFile<Value> {
  readonly value: Value
  reload(): Promise<void>
  close(): void
}

type Logger = Pick<BaseLogger, 'info' | 'warn' | 'error'>

/** The keys of the file or of MILLRACE_KEYS_JSON; `undefined` when neither is given. */
export async function openKeys(
  path: string | undefined,
  clock: Clock,
  logger: Logger,
): Promise<OpenFile<Keys> | undefined> {
  const json = process.env.MILLRACE_KEYS_JSON
  if (json !== undefined && path !== undefined) {
    const message = 'keys are given twice, as --keys and in MILLRACE_KEYS_JSON: take one away'
    throw new UserError('keys_given_twice', message)
  }
  const told = (entries: readonly HashedKey[]) => {
    if (entries.length === 0)
      logger.warn('there are no keys, so nobody is let in: make one with millrace keys add')
    return keysOf(entries)
  }
  if (json !== undefined) return fixed(told(parseKeyFile(json, 'MILLRACE_KEYS_JSON')))
  if (path === undefined) return undefined
  const read = async () => {
    const text = await readWarning(
      path,
      'hashes',
      logger,
      `millrace keys add NAME --write --keys ${path}`,
    )
    return told(parseKeyFile(text, path))
  }
  const watched = await watchFiles({ paths: [path], read, clock, logger })
  return follow(watched, current => ({ find: secret => current().find(secret) }))
}

export interface Signing {
  readonly tokens: Tokens
  /** For `addressesOf`; never changes. */
  readonly addressSecret: Uint8Array
}

/**
 * The signing keys of MILLRACE_SIGNING_KEYS_JSON or of the file, which is made where none was named and it is
 * missing. Processes that are to open each other's tokens need the same.
 */
export async function openSigning(
  flags: { readonly signingKeys?: string; readonly data: string },
  clock: Clock,
  logger: Logger,
): Promise<OpenFile<Signing>> {
  const json = process.env.MILLRACE_SIGNING_KEYS_JSON
  if (json !== undefined && flags.signingKeys !== undefined) {
    const message =
      'signing keys are given twice, as --signing-keys and in MILLRACE_SIGNING_KEYS_JSON: take one away'
    throw new UserError('keys_given_twice', message)
  }
  const signingOf = (secrets: () => SigningSecrets): Signing => ({
    tokens: createTokens(signingKeysOf(secrets, () => clock.now())),
    addressSecret: secrets().addressSecret,
  })
  if (json !== undefined) {
    const secrets = parseSigningFile(json, 'MILLRACE_SIGNING_KEYS_JSON')
    return fixed(signingOf(() => secrets))
  }
  const path = signingPath(flags)
  if (flags.signingKeys === undefined) {
    const made = await createSecretFile(path, formatSigningFile(newSigningSecrets(clock.now())))
    if (made)
      logger.info(
        `made ${path}: it signs links and tokens, so keep it, and give it to every process`,
      )
  }
  const read = async () =>
    parseSigningFile(
      await readWarning(path, 'secrets', logger, `millrace keys rotate --signing-keys ${path}`),
      path,
    )
  const watched = await watchFiles({ paths: [path], read, clock, logger })
  return follow(watched, signingOf)
}

/** Where the signing keys are. */
export function signingPath(flags: {
  readonly signingKeys?: string
  readonly data: string
}): string {
  return flags.signingKeys ?? join(flags.data, 'signing.json')
}

function follow<Content, Value>(
  watched: Watched<Content>,
  make: (current: () => Content) => Value,
): OpenFile<Value> {
  return {
    value: make(() => watched.current),
    reload: () => watched.reload(),
    close: () => watched.close(),
  }
}

function fixed<Value>(value: Value): OpenFile<Value> {
  return { value, reload: async () => undefined, close: () => undefined }
}

async function readWarning(
  path: string,
  privacy: 'hashes' | 'secrets',
  logger: Logger,
  maker: string,
): Promise<string> {
  try {
    const { text, warnings } = await readSecretFile(path, privacy)
    for (const warning of warnings) logger.warn(warning)
    return text
  } catch (error) {
    if (!(error instanceof SecretFileError) || error.code !== 'file_missing') throw error
    throw new SecretFileError('file_missing', `${error.message}: make it with: ${maker}`, error)
  }
}
