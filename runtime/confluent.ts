import { BadSchema, schemaCompiler } from '../jobs/json-schema.ts'
import { BadAvro, readAvro } from './avro-reader.ts'
import { BadAvroSchema, parseAvroSchema } from './avro-schema.ts'
import { BadRecord } from './decode.ts'
import type { RegisteredSchema } from './registry.ts'

/**
 * Confluent's framing: 0x00, the schema's id in four bytes, what was written with it.
 * https://docs.confluent.io/platform/current/schema-registry/fundamentals/serdes-develop/#wire-format
 */
const headBytes = 5

/** Reads what follows the head. Throws a `BadRecord`. */
export type FrameReader = (payload: Buffer) => unknown

export function isFramed(value: Buffer | null): value is Buffer {
  return value !== null && value[0] === 0x00 && value.length >= headBytes
}

export function schemaIdOf(framed: Buffer): number {
  return framed.readUInt32BE(1)
}

export function payloadOf(framed: Buffer): Buffer {
  return framed.subarray(headBytes)
}

/** A reader of what is written with the schema; one that reads nothing, and says why, for a schema that cannot be used. */
export function frameReader(id: number, schema: RegisteredSchema): FrameReader {
  try {
    if (schema.type === 'AVRO') return avroReader(id, schema)
    if (schema.type === 'JSON') return jsonReader(id, schema)
    return unreadable(`schema ${id} is of Protobuf; Avro and JSON Schema are read`)
  } catch (error) {
    const bad =
      error instanceof BadAvroSchema || error instanceof BadSchema || error instanceof SyntaxError
    if (!bad) throw error
    return unreadable(`schema ${id} cannot be used: ${error.message.slice(0, 300)}`)
  }
}

function avroReader(id: number, { text, references }: RegisteredSchema): FrameReader {
  const type = parseAvroSchema(
    parseText(text),
    references.map(reference => parseText(reference.text)),
  )
  return payload => {
    try {
      return readAvro(type, payload)
    } catch (error) {
      if (!(error instanceof BadAvro)) throw error
      throw new BadRecord(
        'not_decodable',
        `the value is not Avro of schema ${id}: ${error.message}`,
        error,
      )
    }
  }
}

function jsonReader(id: number, { text, references }: RegisteredSchema): FrameReader {
  const check = schemaCompiler({ strict: false })(
    JSON.parse(text),
    Object.fromEntries(references.map(reference => [reference.name, JSON.parse(reference.text)])),
  )
  return payload => {
    const value = parsePayload(payload, id)
    const found = check(value)
    if (!found) return value
    const path = found.path === '' ? 'the event' : found.path
    throw new BadRecord('schema_failed', `schema ${id}: ${path} ${found.expected}`)
  }
}

function parsePayload(payload: Buffer, id: number): unknown {
  try {
    return JSON.parse(payload.toString('utf8'))
  } catch (error) {
    throw new BadRecord(
      'not_decodable',
      `the value is not JSON, as schema ${id} says: ${(error as Error).message.slice(0, 200)}`,
      error,
    )
  }
}

/** A registry keeps a primitive Avro schema as `"string"`, and also as `string`. */
function parseText(text: string): unknown {
  return /^[a-z]+$/.test(text) ? text : JSON.parse(text)
}

function unreadable(reason: string): FrameReader {
  return () => {
    throw new BadRecord('not_decodable', reason)
  }
}
