import type { RejectionCode } from './intake.ts'

/** Why an event cannot be taken. */
export interface Fault {
  readonly code: RejectionCode
  /** Where in the event, such as `properties.price`; '' for all of it. */
  readonly path: string
  /** What was expected, and what kind of value came. Never the value. */
  readonly reason: string
}

/** Of a field that has the wrong kind. */
export function wrong(code: RejectionCode, path: string, expected: string, found: unknown): Fault {
  return { code, path, reason: `expected ${expected}, got ${kindOf(found)}` }
}

export function kindOf(value: unknown): string {
  if (value === undefined) return 'nothing'
  if (value === null) return 'null'
  if (Array.isArray(value)) return 'an array'
  if (value === '') return 'an empty string'
  return typeof value === 'object' ? 'an object' : `a ${typeof value}`
}

export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
