import { createRequire } from 'node:module'
import type { Ajv, AnySchemaObject, ErrorObject, ValidateFunction } from 'ajv'
import type { FormatsPlugin } from 'ajv-formats'

/** A JSON Schema that cannot be used. */
export class BadSchema extends Error {
  override readonly name = 'BadSchema'
  readonly code = 'bad_schema'
}

/** What does not fit its schema. No value of the checked one is in it, nor a name that the schema does not have. */
export interface Mismatch {
  /** JSON Pointer (RFC 6901); '' is the whole. A name that came with the value reads `*`. */
  readonly path: string
  readonly expected: string
}

export type Check = (value: unknown) => Mismatch | undefined

/** What `$ref` may name besides parts of the schema itself. Nothing is ever fetched. */
export type References = Readonly<Record<string, unknown>>

export const schemaCharsMax = 256 * 1024
const expectedCharsMax = 200

const load = createRequire(import.meta.url)

/**
 * Makes a compiler of JSON Schemas of draft 2020-12 (also where they name none), 2019-09 and 07. It throws a
 * `BadSchema`; what it answers tells the first thing in a value that does not fit, or `undefined`.
 *
 * @param options.strict whether a keyword or a format that nobody knows is an error, and not passed over
 */
export function schemaCompiler({ strict }: { readonly strict: boolean }) {
  const shared = new Map<string, Ajv>()
  return (schema: unknown, references: References = {}): Check => {
    const all = [schema, ...Object.values(references)]
    for (const each of all) checkShape(each)
    const draft = draftOf(schema as AnySchemaObject)
    const alone = Object.keys(references).length === 0
    const ajv = (alone ? shared.get(draft) : undefined) ?? openAjv(draft, strict)
    if (alone) shared.set(draft, ajv)
    try {
      for (const [name, reference] of Object.entries(references))
        ajv.addSchema(reference as AnySchemaObject, name)
      return checkOf(ajv.compile(schema as AnySchemaObject), namesIn(all))
    } catch (error) {
      throw new BadSchema((error as Error).message.slice(0, 300), { cause: error })
    }
  }
}

function checkOf(validate: ValidateFunction, known: ReadonlySet<string>): Check {
  return value => {
    try {
      if (validate(value) === true) return undefined
    } catch (error) {
      if (error instanceof RangeError) return { path: '', expected: 'must not be nested so deeply' }
      throw error
    }
    const error = validate.errors?.[0]
    return error ? mismatch(error, value, known) : { path: '', expected: 'must fit' }
  }
}

function checkShape(schema: unknown): void {
  if (typeof schema !== 'object' || schema === null || Array.isArray(schema))
    throw new BadSchema('it is no object')
  const chars = textOf(schema).length
  if (chars > schemaCharsMax)
    throw new BadSchema(`it has ${chars} characters, and may have ${schemaCharsMax}`)
}

function textOf(schema: object): string {
  try {
    return JSON.stringify(schema)
  } catch (error) {
    throw new BadSchema('JSON cannot say it', { cause: error })
  }
}

function draftOf(schema: AnySchemaObject): string {
  const named: unknown = schema.$schema ?? 'draft/2020-12'
  const draft = /draft[-/](07|2019-09|2020-12)\b/.exec(String(named))?.[1]
  if (draft !== undefined) return draft
  throw new BadSchema(
    `its $schema is ${JSON.stringify(named)}; drafts 2020-12, 2019-09 and 07 are read`,
  )
}

const drafts = new Map([
  ['07', 'ajv'],
  ['2019-09', 'ajv/dist/2019.js'],
  ['2020-12', 'ajv/dist/2020.js'],
])

/** Loaded only here: a job without schemas need not wait for it. */
function openAjv(draft: string, strict: boolean): Ajv {
  const { default: Draft } = load(drafts.get(draft) ?? 'ajv') as { default: typeof Ajv }
  const ajv = new Draft({
    strictSchema: strict,
    strictTypes: false,
    strictTuples: false,
    validateFormats: true,
    logger: false,
    addUsedSchema: false, // two schemas may have one $id
  })
  const { default: addFormats } = load('ajv-formats') as { default: FormatsPlugin }
  addFormats(ajv)
  // In place of its own, which takes hours for a megabyte of colons.
  ajv.addFormat('url', text => /^(https?|ftp):\/\//i.test(text) && URL.canParse(text))
  return ajv
}

function mismatch(error: ErrorObject, value: unknown, known: ReadonlySet<string>): Mismatch {
  const segments = error.instancePath.split('/').slice(1)
  const path = segments.map(segment => (isKnown(segment, known) ? `/${segment}` : '/*')).join('')
  return { path, expected: expectation(error, segments, value).slice(0, expectedCharsMax) }
}

function isKnown(segment: string, known: ReadonlySet<string>): boolean {
  return /^\d{1,7}$/.test(segment) || known.has(pointerName(segment))
}

function expectation(error: ErrorObject, segments: readonly string[], value: unknown): string {
  const { keyword, params, message = 'must fit' } = error
  if (keyword === 'type') return `${message}, is ${kindOf(valueAt(value, segments))}`
  if (keyword === 'enum') return `must be one of ${JSON.stringify(params.allowedValues)}`
  if (keyword === 'const') return `must be ${JSON.stringify(params.allowedValue)}`
  if (keyword === 'additionalProperties' || keyword === 'unevaluatedProperties')
    return 'must have no property that the schema does not name'
  return message
}

function valueAt(value: unknown, segments: readonly string[]): unknown {
  let found = value
  for (const segment of segments) {
    if (typeof found !== 'object' || found === null) return undefined
    found = (found as Record<string, unknown>)[pointerName(segment)]
  }
  return found
}

function kindOf(value: unknown): string {
  if (value === null) return 'null'
  return Array.isArray(value) ? 'array' : typeof value
}

/** RFC 6901. */
function pointerName(segment: string): string {
  return segment.replaceAll('~1', '/').replaceAll('~0', '~')
}

/** The names of properties that the schemas name: those may be told, others may be data. */
function namesIn(schemas: readonly unknown[]): ReadonlySet<string> {
  const names = new Set<string>()
  const waiting: unknown[] = [...schemas]
  for (let at = 0; at < waiting.length; at++) {
    const part = waiting[at]
    if (typeof part !== 'object' || part === null) continue
    for (const [keyword, inner] of Object.entries(part)) {
      waiting.push(inner)
      if (keyword === 'properties' && typeof inner === 'object' && inner !== null)
        for (const name of Object.keys(inner)) names.add(name)
      if (keyword === 'required' && Array.isArray(inner))
        for (const name of inner) names.add(String(name))
    }
  }
  return names
}
