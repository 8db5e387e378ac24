import type { Event } from './event.ts'
import { JobError } from './job.ts'
import { BadSchema, type Check, schemaCompiler } from './json-schema.ts'

/**
 * JSON Schemas by the name of a `track` event, for its `properties`; or for all events of another type, by that:
 * `identify` and `group` for their `traits`, `page` and `screen` for their `properties`.
 */
export type Schemas = Readonly<Record<string, Readonly<Record<string, unknown>>>>

const schemasMax = 200
const ofTraits = ['identify', 'group']

/**
 * Compiles a job's schemas. The answer throws a `JobError` with code `schema_failed` for an event that does not fit
 * the schema of its name, with the path and what was expected there, and without a value of the event.
 *
 * @param fail throws the definition's error
 */
export function compileSchemas(
  schemas: Schemas,
  fail: (problem: string, remedy: string) => never,
): (event: Event) => void {
  const remedy = "write schemas: { 'Order Completed': { type: 'object', required: ['revenue'] } }"
  if (typeof schemas !== 'object' || schemas === null || Array.isArray(schemas))
    fail('its schemas are no object', remedy)
  const entries = Object.entries(schemas)
  if (entries.length > schemasMax)
    fail(`it has ${entries.length} schemas`, `${schemasMax} is the most`)
  const checks = new Map<string, Check>()
  const compile = schemaCompiler({ strict: true })
  for (const [name, schema] of entries) {
    try {
      checks.set(name, compile(schema))
    } catch (error) {
      if (!(error instanceof BadSchema)) throw error
      fail(`the schema of ${JSON.stringify(name)}: ${error.message}`, remedy)
    }
  }
  return event => {
    const name = event.type === 'track' ? event.event : event.type
    const check = checks.get(name)
    if (!check) return
    const part = ofTraits.includes(name) && event.type !== 'track' ? 'traits' : 'properties'
    const found = check(event[part])
    if (found)
      throw new JobError(
        'schema_failed',
        `${JSON.stringify(name)}: ${part}${found.path} ${found.expected}`,
      )
  }
}
