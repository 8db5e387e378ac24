import { formatKeyFile, HASHES_MAX, type KeyEntry, parseKeyFile } from '../http/key-file.ts'
import { hashOf, type Key, newSecret } from '../http/keys.ts'
import { readSecretFile, replaceSecretFile, SecretFileError } from '../http/secret-file.ts'
import {
  formatSigningFile,
  newSigningSecrets,
  parseSigningFile,
  rotated,
} from '../http/signing-file.ts'
import { signingPath } from './key-files.ts'
import { UserError } from './user-error.ts'

/** A key to be made: see `Key`. */
export interface NewKey {
  readonly name: string
  readonly action: Key['action']
  readonly origin?: readonly string[]
  readonly address?: readonly string[]
  readonly perSecond?: number
  readonly requireConsent?: boolean
  readonly fields?: readonly string[]
  readonly budgetMs?: number
}

/** Until then every process has read a new signing key, which takes 2 s, also from a network disk. */
const SIGNS_AFTER_MS = 60_000

/** Adds a key, to a new file if there is none, and answers its secret, which is kept nowhere. */
export async function addKey(path: string, wanted: NewKey, now: number): Promise<string> {
  const entries = await entriesOf(path, true)
  if (entries.some(({ key }) => key.name === wanted.name)) {
    const message = `${path} has a key ${wanted.name} already: take another name, or replace its secret (millrace keys renew ${wanted.name})`
    throw new UserError('key_exists', message)
  }
  const { origin, address, ...rest } = wanted
  const key: Key = {
    ...rest,
    ...(origin !== undefined && { origins: origin }),
    ...(address !== undefined && { addresses: address }),
  }
  const secret = newSecret(key.action)
  await write(path, [...entries, { key, hashes: [hashOf(secret)], created: dateOf(now) }])
  return secret
}

/** A line for each key. */
export async function listKeys(path: string): Promise<string[]> {
  return (await entriesOf(path)).map(({ key, hashes, created }) => {
    const { name, action, ...rest } = key
    const limits = Object.entries(rest).map(([field, value]) => `${field}=${value}`)
    const renewal = hashes.length > 1 ? ['being renewed'] : []
    return [name, action, created, ...limits, ...renewal].join('  ')
  })
}

export async function removeKey(path: string, name: string): Promise<void> {
  const entries = await entriesOf(path)
  const entry = found(entries, name, path)
  await write(
    path,
    entries.filter(each => each !== entry),
  )
}

/** Gives a key a second secret, which it answers; the first opens, too, until the renewal is finished. */
export async function renewKey(path: string, name: string, now: number): Promise<string> {
  const entries = await entriesOf(path)
  const entry = found(entries, name, path)
  if (entry.hashes.length >= HASHES_MAX) {
    const message = `${name} has two secrets already: first take the older one back (millrace keys renew ${name} --finish)`
    throw new UserError('renewal_under_way', message)
  }
  const secret = newSecret(entry.key.action)
  const hashes = [...entry.hashes, hashOf(secret)]
  await write(path, replaced(entries, entry, { ...entry, hashes, created: dateOf(now) }))
  return secret
}

/** Only the newest secret of the key opens any more. */
export async function finishRenewal(path: string, name: string): Promise<void> {
  const entries = await entriesOf(path)
  const entry = found(entries, name, path)
  if (entry.hashes.length < 2) {
    const message = `${name} has one secret only: begin with millrace keys renew ${name}`
    throw new UserError('no_renewal', message)
  }
  await write(path, replaced(entries, entry, { ...entry, hashes: entry.hashes.slice(-1) }))
}

/** Adds a signing key, to a new file if there is none, and answers what a person should know. */
export async function rotateSigningKeys(
  flags: { readonly signingKeys?: string; readonly data: string },
  now: number,
): Promise<string> {
  const path = signingPath(flags)
  const before = await textOf(path, 'secrets')
  if (before === undefined) {
    await replaceSecretFile(path, formatSigningFile(newSigningSecrets(now)))
    return `made ${path}: give it to every process that signs or opens`
  }
  const signsFrom = now + SIGNS_AFTER_MS
  await replaceSecretFile(
    path,
    formatSigningFile(rotated(parseSigningFile(before, path), signsFrom)),
  )
  return `${path} has a new key, which signs from ${new Date(signsFrom).toISOString()} on; tokens of the old ones still open`
}

async function entriesOf(path: string, mayBeMissing = false): Promise<readonly KeyEntry[]> {
  const text = await textOf(path, 'hashes')
  if (text !== undefined) return parseKeyFile(text, path)
  if (mayBeMissing) return []
  const message = `${path} does not exist: give the file as --keys, or make it with millrace keys add`
  throw new UserError('no_keys', message)
}

async function textOf(path: string, privacy: 'hashes' | 'secrets'): Promise<string | undefined> {
  try {
    return (await readSecretFile(path, privacy)).text
  } catch (error) {
    if (error instanceof SecretFileError && error.code === 'file_missing') return undefined
    throw error
  }
}

function found(entries: readonly KeyEntry[], name: string, path: string): KeyEntry {
  const entry = entries.find(({ key }) => key.name === name)
  if (entry !== undefined) return entry
  const names = entries.map(({ key }) => key.name).slice(0, 20)
  const there = names.length === 0 ? 'none' : names.join(', ')
  throw new UserError('no_such_key', `${path} has no key ${JSON.stringify(name)}; it has ${there}`)
}

function replaced(entries: readonly KeyEntry[], old: KeyEntry, now: KeyEntry): KeyEntry[] {
  return entries.map(each => (each === old ? now : each))
}

async function write(path: string, entries: readonly KeyEntry[]): Promise<void> {
  const text = formatKeyFile(entries)
  parseKeyFile(text, path)
  await replaceSecretFile(path, text)
}

function dateOf(now: number): string {
  return new Date(now).toISOString().slice(0, 10)
}
