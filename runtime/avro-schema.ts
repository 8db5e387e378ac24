/** An Avro schema that cannot be used. */
export class BadAvroSchema extends Error {
  override readonly name = 'BadAvroSchema'
}

/** How a value was written: a tree, in which a named type that contains itself is met again. */
export type AvroType =
  | { readonly kind: 'null' | 'boolean' | 'float' | 'double' | 'string' }
  | { readonly kind: 'int' | 'long'; readonly logical: string | undefined }
  | { readonly kind: 'bytes'; readonly scale: number | undefined }
  | {
      readonly kind: 'fixed'
      readonly size: number
      readonly scale: number | undefined
      readonly logical: string | undefined
    }
  | { readonly kind: 'enum'; readonly symbols: readonly string[] }
  | { readonly kind: 'array' | 'map'; readonly items: AvroType }
  | { readonly kind: 'union'; readonly branches: readonly AvroType[] }
  | { readonly kind: 'record'; readonly name: string; readonly fields: readonly AvroField[] }

export interface AvroField {
  readonly name: string
  readonly type: AvroType
}

const nameForm = /^[A-Za-z_][A-Za-z0-9_]*$/
const typesMax = 10_000
const depthMax = 100
const fixedBytesMax = 1024 * 1024
const plain = ['null', 'boolean', 'float', 'double', 'string'] as const

/**
 * Reads an Avro schema (https://avro.apache.org/docs/1.12.0/specification/) as what it says of written values:
 * defaults, aliases and documentation say nothing of them.
 *
 * @param references schemas whose named types this one uses, each after those that it uses itself
 * @throws BadAvroSchema
 */
export function parseAvroSchema(schema: unknown, references: readonly unknown[] = []): AvroType {
  const parser = new SchemaParser()
  for (const reference of references) parser.parse(reference, '', 0)
  return parser.parse(schema, '', 0)
}

type Plain = Readonly<Record<string, unknown>>

class SchemaParser {
  readonly #named = new Map<string, AvroType>()
  #types = 0

  parse(schema: unknown, namespace: string, depth: number): AvroType {
    if (++this.#types > typesMax) throw new BadAvroSchema(`it has more than ${typesMax} types`)
    if (depth > depthMax) throw new BadAvroSchema(`it is nested more than ${depthMax} deep`)
    if (typeof schema === 'string') return this.#byName(schema, namespace)
    if (Array.isArray(schema))
      return {
        kind: 'union',
        branches: schema.map(branch => this.parse(branch, namespace, depth + 1)),
      }
    if (typeof schema !== 'object' || schema === null)
      throw new BadAvroSchema(`expected a type, found ${show(schema)}`)
    return this.#complex(schema as Plain, namespace, depth)
  }

  #complex(schema: Plain, namespace: string, depth: number): AvroType {
    const { type } = schema
    switch (type) {
      case 'int':
      case 'long':
        return { kind: type, logical: logicalOf(schema) }
      case 'bytes':
        return { kind: 'bytes', scale: scaleOf(schema) }
      case 'array':
        return { kind: 'array', items: this.parse(schema.items, namespace, depth + 1) }
      case 'map':
        return { kind: 'map', items: this.parse(schema.values, namespace, depth + 1) }
      case 'fixed':
        return this.#name(schema, namespace, fixedOf(schema))
      case 'enum':
        return this.#name(schema, namespace, { kind: 'enum', symbols: symbolsOf(schema) })
      case 'record':
      case 'error':
        return this.#record(schema, namespace, depth)
      default:
        return this.parse(type, namespace, depth + 1) // { type: 'string' }, { type: ['null', …] }, { type: { … } }
    }
  }

  #record(schema: Plain, namespace: string, depth: number): AvroType {
    const fields: AvroField[] = []
    const name = fullName(schema.name, schema.namespace, namespace)
    const record = this.#name(schema, namespace, { kind: 'record', name, fields })
    const inner = name.includes('.') ? name.slice(0, name.lastIndexOf('.')) : ''
    for (const field of listOf(schema.fields, 'fields')) {
      const { name: fieldName, type } = (field ?? {}) as Plain
      if (typeof fieldName !== 'string' || !nameForm.test(fieldName) || fieldName === '__proto__')
        throw new BadAvroSchema(`record ${name} has a field named ${show(fieldName)}`)
      fields.push({ name: fieldName, type: this.parse(type, inner, depth + 1) })
    }
    return record
  }

  /** Known by its name from here on, also within itself. */
  #name<Type extends AvroType>(schema: Plain, namespace: string, type: Type): Type {
    const name = fullName(schema.name, schema.namespace, namespace)
    if (this.#named.has(name)) throw new BadAvroSchema(`it defines ${name} twice`)
    this.#named.set(name, type)
    return type
  }

  #byName(name: string, namespace: string): AvroType {
    const basic = plain.find(each => each === name)
    if (basic !== undefined) return { kind: basic }
    if (name === 'int' || name === 'long') return { kind: name, logical: undefined }
    if (name === 'bytes') return { kind: 'bytes', scale: undefined }
    const found = this.#named.get(fullName(name, undefined, namespace)) ?? this.#named.get(name)
    if (found) return found
    throw new BadAvroSchema(`it uses a type ${show(name)} that it does not define`)
  }
}

function fullName(name: unknown, own: unknown, namespace: string): string {
  const parts = typeof name === 'string' ? name.split('.') : []
  if (typeof name !== 'string' || !parts.every(part => nameForm.test(part)))
    throw new BadAvroSchema(`it has a type named ${show(name)}`)
  if (parts.length > 1) return name
  const around = typeof own === 'string' ? own : namespace
  return around === '' ? name : `${around}.${name}`
}

function logicalOf({ logicalType }: Plain): string | undefined {
  return typeof logicalType === 'string' ? logicalType : undefined
}

/** Of a decimal. */
function scaleOf(schema: Plain): number | undefined {
  if (schema.logicalType !== 'decimal') return undefined
  const { scale = 0 } = schema
  return Number.isInteger(scale) && (scale as number) >= 0 && (scale as number) <= 300
    ? (scale as number)
    : undefined
}

function fixedOf(schema: Plain): AvroType {
  const { size } = schema
  if (!Number.isInteger(size) || (size as number) < 0 || (size as number) > fixedBytesMax)
    throw new BadAvroSchema(`a fixed type has ${show(size)} as its size`)
  return { kind: 'fixed', size: size as number, scale: scaleOf(schema), logical: logicalOf(schema) }
}

function symbolsOf(schema: Plain): readonly string[] {
  return listOf(schema.symbols, 'symbols').map(symbol => {
    if (typeof symbol === 'string') return symbol
    throw new BadAvroSchema(`an enum has a symbol ${show(symbol)}`)
  })
}

function listOf(value: unknown, what: string): readonly unknown[] {
  if (Array.isArray(value)) return value
  throw new BadAvroSchema(`its ${what} are ${show(value)}; expected a list`)
}

function show(value: unknown): string {
  return String(JSON.stringify(value)).slice(0, 80)
}
