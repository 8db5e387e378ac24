import type { Key } from '../http/keys.ts'
import { Problem } from '../http/problem.ts'
import { contentOf } from './row.ts'

const FIELDS_MAX = 200

/** The features that an answer may have; `undefined`: all. */
export type Fields = ReadonlySet<string> | undefined

/** `a,b`, or the parameter given several times; `undefined` when it was not. Rejects more than 200 with 400. */
export function fieldsOf(sent: string | readonly string[] | undefined): Fields {
  if (sent === undefined) return undefined
  const names = [sent].flat().flatMap(list => list.split(','))
  if (names.length > FIELDS_MAX) {
    const detail = `fields names at most ${FIELDS_MAX} features, and here it names ${names.length}`
    throw new Problem(400, 'too_many_fields', detail)
  }
  return new Set(names.map(name => name.trim()))
}

/** What was asked for, as far as the key may read it. */
export function readable(asked: Fields, { fields }: Key): Fields {
  if (fields === undefined) return asked
  return new Set(asked === undefined ? fields : fields.filter(name => asked.has(name)))
}

/** Features that the row has not are left out, too: which there are is the job's to say. */
export function onlyFields(fields: Fields, json: string): string {
  if (fields === undefined) return json
  const row = contentOf({ json })
  const kept = Object.entries(row.features).filter(([name]) => fields.has(name))
  return JSON.stringify({ ...row, features: Object.fromEntries(kept) })
}
