import { jsonFaultAt } from './json-fault.ts'
import { SecretFileError } from './secret-file.ts'

/** JSON of a file. Throws a `SecretFileError` that names the line, and never what stands there. */
export function parseFile(text: string, path: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    const at = jsonFaultAt(text)
    const lines = text.slice(0, at).split('\n')
    const column = (lines.at(-1)?.length ?? 0) + 1
    const message = `${path} is no JSON: something is wrong at line ${lines.length}, column ${column}`
    throw new SecretFileError('file_wrong', message)
  }
}

/** Reads the fields of a file's objects one by one, and says of a wrong one where it is and what was expected. */
export class FileFields {
  readonly path: string
  /** Such as `keys[2]`; '' for the whole. */
  readonly where: string
  private readonly fields: Readonly<Record<string, unknown>>

  /** @param known every field that there may be: a misspelt one would else silently protect nothing */
  constructor(value: unknown, path: string, where: string, known: readonly string[]) {
    this.path = path
    this.where = where
    if (typeof value !== 'object' || value === null || Array.isArray(value))
      throw this.fault('', `an object with ${known.join(', ')}`, value)
    this.fields = { ...value }
    const unknown = Object.keys(value).find(name => !known.includes(name))
    if (unknown === undefined) return
    const place = where === '' ? '' : `${where}: `
    const message = `${path}: ${place}there is no field ${JSON.stringify(unknown.slice(0, 60))}: known are ${known.join(', ')}`
    throw new SecretFileError('file_wrong', message)
  }

  text(name: string, expected: string, fits: RegExp): string {
    const value = this.fields[name]
    if (typeof value === 'string' && fits.test(value)) return value
    throw this.fault(name, expected, value)
  }

  wholeNumber(name: string, least: number, most: number): number | undefined {
    const value = this.fields[name]
    if (value === undefined) return undefined
    if (typeof value === 'number' && Number.isInteger(value) && value >= least && value <= most)
      return value
    throw this.fault(name, `a whole number from ${least} to ${most}`, value)
  }

  flag(name: string): boolean | undefined {
    const value = this.fields[name]
    if (value === undefined || typeof value === 'boolean') return value
    throw this.fault(name, 'true or false', value)
  }

  list(name: string, most: number): readonly unknown[] | undefined {
    const value = this.fields[name]
    if (value === undefined) return undefined
    if (Array.isArray(value) && value.length <= most) return value
    throw this.fault(name, `a list of at most ${most}`, value)
  }

  /** @param faultOf what was expected instead, or `undefined` for a text that is right */
  texts(
    name: string,
    most: number,
    faultOf: (text: string) => string | undefined,
  ): readonly string[] | undefined {
    return this.list(name, most)?.map((value, index) => {
      const expected = typeof value === 'string' ? faultOf(value) : 'a text'
      if (typeof value === 'string' && expected === undefined) return value
      throw this.fault(`${name}[${index}]`, expected ?? 'a text', value)
    })
  }

  /** Refused, though known: it does not go together with another one. */
  refuse(name: string, why: string): void {
    if (this.fields[name] === undefined) return
    throw new SecretFileError('file_wrong', `${this.path}: ${this.place(name)} ${why}`)
  }

  fault(name: string, expected: string, found: unknown): SecretFileError {
    const message = `${this.path}: ${this.place(name)} is ${expected}, not ${kindOf(found)}`
    return new SecretFileError('file_wrong', message)
  }

  private place(name: string): string {
    if (name === '') return this.where === '' ? 'the whole' : this.where
    return this.where === '' ? name : `${this.where}.${name}`
  }
}

/** Secrets can stand in the wrong place, so only what surely is none is repeated. */
function kindOf(value: unknown): string {
  if (value === undefined) return 'left out'
  if (value === null || typeof value === 'number' || typeof value === 'boolean')
    return String(value)
  if (Array.isArray(value)) return `a list of ${value.length}`
  if (typeof value !== 'string') return `an ${typeof value}`
  return value.length <= 50 && /[./:*]/.test(value) && !/[0-9a-zA-Z_-]{25}/.test(value)
    ? JSON.stringify(value)
    : `a text of ${value.length} characters`
}
