import { crc32c } from '../protocol/crc32c.ts'

/** `[offset, revision]`, compared in that order. */
export type Version = readonly [offset: number, revision: number]

/** One key's features, as a job wrote them and as an answer starts. */
export interface Row {
  readonly version: Version
  /** The partition that it came from. */
  readonly partition: number
  /** `{"key":…,"version":…,"asOf":…,"features":…,"segments":…}`, in that order, and nothing more. */
  readonly json: string
}

export interface RowContent {
  readonly key: string
  readonly version: Version
  /** Epoch ms of event time. */
  readonly asOf: number
  readonly features: Readonly<Record<string, unknown>>
  /** Names. */
  readonly segments: readonly unknown[]
}

/** Parses the row. */
export function contentOf({ json }: Pick<Row, 'json'>): RowContent {
  return JSON.parse(json) as RowContent
}

export function isOlder([offset, revision]: Version, than: Version): boolean {
  return offset < than[0] || (offset === than[0] && revision < than[1])
}

/** The record as a row, or why it is none; see `readRow`, which is quicker. */
export function parseRow(key: string, value: Buffer, partition: number): Row | string {
  const text = value.toString()
  let parsed: unknown
  try {
    parsed = JSON.parse(text)
  } catch {
    return 'its value is not JSON'
  }
  if (!isObject(parsed)) return 'its value is not a JSON object'
  const { version, asOf, features, segments } = parsed
  if (parsed.key !== key) return 'the key in its value is not the key of its record'
  if (!isVersion(version)) return 'its version is not [offset, revision]'
  if (typeof asOf !== 'number') return 'its asOf is not a number'
  if (!isObject(features)) return 'its features are not an object'
  if (!Array.isArray(segments)) return 'its segments are not an array'
  if (isAsAnswered(text, parsed)) return { version, partition, json: text }
  const content: RowContent = { key, version, asOf, features, segments }
  return { version, partition, json: JSON.stringify(content) }
}

/** Whether the text can stand as it is, as what jobs write can: making it anew takes as long as reading it. */
function isAsAnswered(text: string, parsed: object): boolean {
  if (!text.startsWith('{"key":') || !text.endsWith(']}')) return false
  const names = Object.keys(parsed)
  return names.length === ROW_NAMES.length && ROW_NAMES.every((name, at) => names[at] === name)
}

/** A checksum, offset, revision and partition in front of the JSON, so that comparing versions parses nothing. */
export function encodeRow({ version, partition, json }: Row): Buffer {
  const bytes = Buffer.allocUnsafe(HEAD_BYTES + Buffer.byteLength(json))
  bytes.write(json, HEAD_BYTES)
  return headed(bytes, version, partition)
}

/** The same of JSON in UTF-8. */
export function encodeBytes(version: Version, partition: number, json: Buffer): Buffer {
  const bytes = Buffer.allocUnsafe(HEAD_BYTES + json.length)
  json.copy(bytes, HEAD_BYTES)
  return headed(bytes, version, partition)
}

function headed(bytes: Buffer, version: Version, partition: number): Buffer {
  bytes.writeDoubleLE(version[0], OFFSET_AT)
  bytes.writeDoubleLE(version[1], REVISION_AT)
  bytes.writeUInt32LE(partition, PARTITION_AT)
  bytes.writeUInt32LE(checksumOf(bytes), 0)
  return bytes
}

/** Whether these are the bytes that were encoded. */
export function isIntact(bytes: Buffer): boolean {
  return bytes.length > HEAD_BYTES && bytes.readUInt32LE(0) === checksumOf(bytes)
}

function checksumOf(bytes: Buffer): number {
  return crc32c(bytes.subarray(OFFSET_AT))
}

export function decodeRow(bytes: Buffer): Row {
  const json = bytes.toString('utf8', HEAD_BYTES)
  return { version: versionOf(bytes), partition: bytes.readUInt32LE(PARTITION_AT), json }
}

export function decoded(bytes: Buffer | undefined): Row | undefined {
  return bytes === undefined ? undefined : decodeRow(bytes)
}

export function versionOf(bytes: Buffer): Version {
  return [offsetOf(bytes), bytes.readDoubleLE(REVISION_AT)]
}

/** The first part of an encoded row's version. */
export function offsetOf(bytes: Buffer): number {
  return bytes.readDoubleLE(OFFSET_AT)
}

const ROW_NAMES = ['key', 'version', 'asOf', 'features', 'segments']
/** In an encoded row, behind the checksum of all that follows. */
const [OFFSET_AT, REVISION_AT, PARTITION_AT] = [4, 12, 20]
/** Before the JSON of an encoded row. */
export const HEAD_BYTES = 24

function isVersion(value: unknown): value is Version {
  return Array.isArray(value) && value.length === 2 && value.every(isCount)
}

function isCount(value: unknown): boolean {
  return Number.isSafeInteger(value) && Number(value) >= 0
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
