import { asBuffer } from '../protocol/reader.ts'
import type { ReadRow } from './changes.ts'
import { encodeRow } from './row.ts'

/**
 * A record of the catalogue as a row: its value is a JSON object with the product's `id`, which is its key too. The
 * newest record of a product counts, so its offset is its version.
 */
export const readCatalogueRow: ReadRow = (key, value, partition, offset) => {
  let parsed: unknown
  try {
    parsed = JSON.parse(asBuffer(value).toString())
  } catch {
    return 'its value is not JSON'
  }
  if (typeof parsed !== 'object' || parsed === null || Array.isArray(parsed))
    return 'its value is not a JSON object'
  if (!('id' in parsed) || parsed.id !== key)
    return 'the id in its value is not the key of its record'
  return encodeRow({ version: [offset, 0], partition, json: JSON.stringify(parsed) })
}
