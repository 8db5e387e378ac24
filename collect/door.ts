import type { FastifyInstance } from 'fastify'
import type { Tokens } from '../http/tokens.ts'
import type { Clock } from '../runtime/clock.ts'
import type { Telemetry } from '../runtime/telemetry.ts'
import type { Guard } from './guard.ts'
import type { Intake } from './intake.ts'

/**
 * What each way in is given: a function `add…Routes(door)` adds its routes to `app`. There, whatever the content
 * type, `request.body` is the body's bytes as they came, a Buffer, or undefined without a body: see `rawBody` in body.ts.
 */
export interface Door {
  readonly app: FastifyInstance
  readonly intake: Intake
  readonly guard: Guard
  readonly tokens: Tokens
  readonly clock: Clock
  readonly telemetry: Telemetry
}
