import { addressFault } from './addresses.ts'
import { FileFields, parseFile } from './file-fields.ts'
import type { Action, HashedKey, Key } from './keys.ts'
import { originFault } from './origins.ts'
import { SecretFileError } from './secret-file.ts'

/** A key as the file has it. */
export interface KeyEntry extends HashedKey {
  /** ISO date of its newest secret. */
  readonly created: string
}

const KEYS_MAX = 10_000
const LIST_MAX = 1_000
const PER_SECOND_MAX = 1_000_000
const BUDGET_MS_MAX = 30_000
/** While a secret is being replaced, the old one and the new one both open. */
export const HASHES_MAX = 2
const KNOWN = ['name', 'action', 'hashes', 'created', 'origins', 'addresses', 'perSecond']
const OF_WRITING = ['requireConsent']
const OF_READING = ['fields', 'budgetMs']
/** Of each action what belongs to the others. */
const FOREIGN: Record<Action, readonly string[]> = {
  write: OF_READING,
  read: OF_WRITING,
  admin: [...OF_WRITING, ...OF_READING],
}

/**
 * The keys of a file, `{ "keys": [{ name, action, hashes, … }] }`. Throws a `SecretFileError` that names the field.
 *
 * @param path where the text comes from, for the message
 */
export function parseKeyFile(text: string, path: string): KeyEntry[] {
  const whole = new FileFields(parseFile(text, path), path, '', ['keys'])
  const list = whole.list('keys', KEYS_MAX)
  if (list === undefined) throw whole.fault('keys', 'a list', undefined)
  const entries = list.map((value, index) => entryOf(value, path, `keys[${index}]`))
  refuseDoubles(
    entries.map(({ key }) => key.name),
    path,
    'have the same name',
  )
  refuseDoubles(
    entries.flatMap(({ hashes }) => hashes),
    path,
    'have the same secret',
  )
  return entries
}

/** The text of a file, which `parseKeyFile` reads. */
export function formatKeyFile(entries: readonly KeyEntry[]): string {
  const keys = entries.map(({ key, hashes, created }) => ({ ...key, hashes, created }))
  return `${JSON.stringify({ keys }, null, 2)}\n`
}

function entryOf(value: unknown, path: string, where: string): KeyEntry {
  const fields = new FileFields(value, path, where, [...KNOWN, ...OF_WRITING, ...OF_READING])
  const text = fields.text('action', '"write", "read" or "admin"', /^(write|read|admin)$/)
  const action: Action = text === 'write' || text === 'admin' ? text : 'read'
  for (const name of FOREIGN[action])
    fields.refuse(name, `says nothing for a key to ${action}: take it out`)
  const hashes = fields.texts('hashes', HASHES_MAX, hashFault)
  if (hashes === undefined || hashes.length === 0)
    throw fields.fault('hashes', `a list of 1 to ${HASHES_MAX} hashes of secrets`, hashes)
  const key = {
    name: fields.text('name', NAME_EXPECTED, NAME),
    action,
    origins: fields.texts('origins', LIST_MAX, originFault),
    addresses: fields.texts('addresses', LIST_MAX, addressFault),
    perSecond: fields.wholeNumber('perSecond', 1, PER_SECOND_MAX),
    requireConsent: fields.flag('requireConsent'),
    fields: fields.texts('fields', LIST_MAX, fieldFault),
    budgetMs: fields.wholeNumber('budgetMs', 1, BUDGET_MS_MAX),
  }
  const created = fields.text('created', 'a date, such as 2026-11-22', /^\d{4}-\d\d-\d\d$/)
  return { key: withoutGaps(key), hashes, created }
}

/** Letters, digits, ".", "-" and "_": it stands in logs, metrics and rejected events. */
export const NAME = /^[\w.-]{1,64}$/
export const NAME_EXPECTED = '1 to 64 letters, digits, ".", "-" or "_"'

function hashFault(text: string): string | undefined {
  if (/^sha256:[0-9a-f]{64}$/.test(text)) return undefined
  return `a hash, "sha256:" and 64 hexadecimal digits (millrace keys add makes both it and the secret)`
}

export function fieldFault(text: string): string | undefined {
  return /^[^\s,]{1,200}$/.test(text) ? undefined : "a feature's name, without spaces and commas"
}

type Gappy = { readonly [Field in keyof Key]: Key[Field] | undefined } & Pick<
  Key,
  'name' | 'action'
>

function withoutGaps({ name, action, ...rest }: Gappy): Key {
  const given = Object.entries(rest).filter(([, value]) => value !== undefined)
  return { name, action, ...Object.fromEntries(given) }
}

function refuseDoubles(values: readonly string[], path: string, what: string): void {
  if (new Set(values).size === values.length) return
  const double = values.findIndex((value, index) => values.indexOf(value) !== index)
  const name = values[double] ?? ''
  const which = NAME.test(name) ? ` (${name})` : ''
  throw new SecretFileError('file_wrong', `${path}: two keys ${what}${which}: take one out`)
}
