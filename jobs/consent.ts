import type { Event } from './event.ts'
import type { Bound } from './feature.ts'
import type { JobState } from './layout.ts'

/**
 * Whether the event's user consents to a purpose, as Segment's consent management says it
 * (https://segment.com/docs/privacy/consent-management/): `context.consent.categoryPreferences`.
 * `undefined`: the event does not say.
 */
export function consentTo(event: Event, purpose: string): boolean | undefined {
  const consent = event.context.consent
  if (typeof consent !== 'object' || consent === null) return undefined
  const preferences = (consent as Record<string, unknown>).categoryPreferences
  if (typeof preferences !== 'object' || preferences === null) return undefined
  if (!Object.hasOwn(preferences, purpose)) return undefined
  const given = (preferences as Record<string, unknown>)[purpose]
  return typeof given === 'boolean' ? given : undefined
}

/** The same step, for events that say yes. */
export function withPurpose(bound: Bound, purpose: string): Bound {
  const { step } = bound
  return {
    ...bound,
    step: {
      read: event => (consentTo(event, purpose) === true ? step.read(event) : undefined),
      update: (state, value, event, context) => step.update(state, value, event, context),
    },
  }
}

/** Clears a feature at any event of the user that says no; also at a late one. */
export function withdrawal(purpose: string, clear: (state: JobState) => void): Bound {
  return {
    events: undefined,
    takesLate: true,
    step: {
      read: event => (consentTo(event, purpose) === false ? true : undefined),
      update: state => clear(state),
    },
  }
}
