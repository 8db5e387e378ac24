import type { JobDefinition } from '../jobs/job-definition.ts'

/** What one word of a job takes from its events, as far as its options say it. */
export interface WordUse {
  readonly role: 'feature' | 'trigger'
  readonly name: string
  /** The word itself, such as `count`. */
  readonly kind: string
  /** Names of `track` events; `undefined`: all events, or none at all (`takesEvents`). */
  readonly events: readonly string[] | undefined
  readonly takesEvents: boolean
  /** Dotted paths in the events' properties, by the option that has them. */
  readonly paths: readonly { readonly option: string; readonly path: string }[]
  readonly optional: boolean
  /** Its window, as one writes it; '' for all time. */
  readonly window: string
}

const pathOptions = ['value', 'weight', 'by']
const eventOptions = ['of', 'minus', 'per', 'unless']
/** They look at features, and at no events. */
const withoutEvents = ['derive', 'crosses', 'segment']

/** The features and triggers of a job, in its order. */
export function usesOf({ features, triggers = {} }: JobDefinition): WordUse[] {
  const use = (role: WordUse['role']) => (entry: [string, { kind: string; options: object }]) =>
    useOf(role, ...entry)
  return [
    ...Object.entries(features).map(use('feature')),
    ...Object.entries(triggers).map(use('trigger')),
  ]
}

function useOf(
  role: WordUse['role'],
  name: string,
  word: { readonly kind: string; readonly options: object },
): WordUse {
  const { kind } = word
  const options = word.options as Readonly<Record<string, unknown>>
  const takesEvents = !withoutEvents.includes(kind)
  const names = [...eventOptions, ...(takesEvents ? ['from'] : [])].flatMap(option =>
    textsOf(options[option]),
  )
  const paths = pathOptions.flatMap(option => {
    const path = options[option]
    const isClock = option === 'by' && (path === 'hour' || path === 'weekday')
    return typeof path === 'string' && takesEvents && !isClock ? { option, path } : []
  })
  const events = takesEvents && names.length > 0 ? [...new Set(names)] : undefined
  const optional = options.optional === true
  return { role, name, kind, events, takesEvents, paths, optional, window: windowOf(options) }
}

function textsOf(given: unknown): string[] {
  const all: unknown[] = Array.isArray(given) ? given : [given]
  return all.filter((each): each is string => typeof each === 'string')
}

function windowOf({ over, every, window }: Readonly<Record<string, unknown>>): string {
  if (typeof over === 'string') return `${over} by ${every}`
  if (typeof window !== 'object' || window === null) return ''
  const { kind, ...lengths } = window as { readonly kind: string }
  return `${kind} ${Object.values(lengths).join(' by ')}`
}
