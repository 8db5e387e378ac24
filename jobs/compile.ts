import { definitionText, shortHash } from './definition-text.ts'
import type { CompiledFeature, Feature, Field, Scope, Step, TriggerRule } from './feature.ts'
import { JobError } from './job.ts'
import { Layout } from './layout.ts'
import { placeIdLength } from './state-form.ts'

export interface CompiledJob {
  readonly layout: Layout
  /** The steps for each event name that a feature names: features first, then triggers. */
  readonly stepsByEvent: ReadonlyMap<string, readonly Step[]>
  /** The steps for all other events. */
  readonly stepsOfOthers: readonly Step[]
  readonly fields: readonly Field[]
}

type Named = readonly (readonly [name: string, word: Feature | TriggerRule])[]

/** Gives every feature its places in the state, and sorts the steps by event name. */
export function compile(jobName: string, features: Named, triggers: Named): CompiledJob {
  const layout = new Layout()
  const placeIds = new Set<string>()
  const compiled = [
    ...features.map(([name, word]) =>
      word.compile(scopeOf(jobName, 'feature', name, word, layout, placeIds)),
    ),
    ...triggers.map(([name, word]) =>
      word.compile(scopeOf(jobName, 'trigger', name, word, layout, placeIds)),
    ),
  ]
  const fields = compiled.flatMap(feature => feature.fields)
  checkFields(jobName, fields)
  const names = new Set(
    compiled.flatMap(feature => feature.steps.flatMap(bound => bound.events ?? [])),
  )
  return {
    layout,
    stepsByEvent: new Map([...names].map(name => [name, stepsFor(compiled, name)])),
    stepsOfOthers: stepsFor(compiled, undefined),
    fields,
  }
}

function stepsFor(compiled: readonly CompiledFeature[], event: string | undefined): Step[] {
  return compiled
    .flatMap(feature => feature.steps)
    .filter(({ events }) => events === undefined || (event !== undefined && events.includes(event)))
    .map(bound => bound.step)
}

function scopeOf(
  jobName: string,
  role: 'feature' | 'trigger',
  name: string,
  word: Feature | TriggerRule,
  layout: Layout,
  placeIds: Set<string>,
): Scope {
  const definition = `${role} ${name} ${word.kind} ${definitionText(word.options)}`
  const placeId = (part: string): string => {
    const id = shortHash(`${part} of ${definition}`, placeIdLength)
    if (placeIds.has(id))
      throw new JobError(
        'bad_definition',
        `job "${jobName}", ${role} "${name}": by chance it has the id of another one (one in a billion); name it otherwise`,
      )
    placeIds.add(id)
    return id
  }
  return {
    name,
    fail(problem, remedy) {
      throw new JobError(
        'bad_definition',
        `job "${jobName}", ${role} "${name}": ${problem}; ${remedy}`,
      )
    },
    number: (part, initial) => layout.number(placeId(part), initial),
    list: part => layout.list(placeId(part)),
    column: (part, everyMs, count) => layout.column(placeId(part), everyMs, count),
  }
}

function checkFields(jobName: string, fields: readonly Field[]): void {
  const names = new Set<string>()
  for (const { name } of fields) {
    if (names.has(name))
      throw new JobError(
        'bad_definition',
        `job "${jobName}": two features show a field "${name}" (a distinct count also shows <name>Capped); name one otherwise`,
      )
    names.add(name)
  }
}
