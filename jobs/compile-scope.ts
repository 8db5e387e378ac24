import { clearColumn, type Tiles } from '../state/tiles.ts'
import type { Words } from './compile.ts'
import { definitionText, shortHash } from './definition-text.ts'
import type { Bound, Feature, Scope, TriggerRule, ZonePlace } from './feature.ts'
import { JobError } from './job.ts'
import type { JobState, Layout } from './layout.ts'
import { placeIdLength } from './state-form.ts'
import type { Tables } from './table.ts'
import { userZone } from './user-zone.ts'

/** By what the features call it. */
export type Zones = Map<string, { readonly place: ZonePlace; readonly bound: Bound | undefined }>

function definitionOf(role: string, name: string, word: Feature | TriggerRule): string {
  return `${role} ${name} ${word.kind} ${definitionText(word.options)}`
}

/** Another one for every other definition: of the same length as those of its places. */
export function featureId(name: string, word: Feature): string {
  return shortHash(definitionOf('feature', name, word), placeIdLength)
}

/** What one feature is given while it is compiled. */
export class CompileScope implements Scope {
  readonly name: string
  readonly job: string
  readonly input: string
  readonly identity: boolean
  readonly latestMs: number
  readonly tables: Tables
  readonly before: readonly string[]
  readonly #what: string
  readonly #definition: string
  readonly #layout: Layout
  readonly #placeIds: Set<string>
  readonly #clearing: ((state: JobState) => void)[] = []
  readonly #zones: Zones
  firstNumber = -1

  constructor(
    { jobName, input, identity, latestMs, tables }: Words,
    role: string,
    name: string,
    word: Feature | TriggerRule,
    layout: Layout,
    placeIds: Set<string>,
    shows: readonly { readonly name: string }[],
    zones: Zones,
  ) {
    this.#zones = zones
    this.name = name
    this.job = jobName
    this.input = input
    this.identity = identity
    this.latestMs = latestMs
    this.tables = tables
    this.before = shows.map(shown => shown.name)
    this.#what = `job "${jobName}", ${role} "${name}"`
    this.#definition = definitionOf(role, name, word)
    this.#layout = layout
    this.#placeIds = placeIds
  }

  // All its members are its own, so that a feature can hand on a scope with one of them replaced.
  fail: Scope['fail'] = (problem, remedy) => {
    throw new JobError('bad_definition', `${this.#what}: ${problem}; ${remedy}`)
  }

  number: Scope['number'] = (part, initial, merge) => {
    const at = this.#layout.number({ id: this.#id(part), initial, merge })
    this.#clearing.push(state => state.numbers.splice(at, 1, initial))
    if (this.firstNumber < 0) this.firstNumber = at
    return at
  }

  list: Scope['list'] = (part, merge) => {
    const at = this.#layout.list({ id: this.#id(part), merge })
    this.#clearing.push(state => state.lists.splice(at, 1, []))
    return at
  }

  cell: Scope['cell'] = (part, place) => {
    const at = this.#layout.cell({ id: this.#id(part), ...place })
    this.#clearing.push(state => state.cells.splice(at, 1, place.create()))
    return at
  }

  column: Scope['column'] = (part, window) => {
    const { table, column } = this.#layout.column(this.#id(part), window)
    this.#clearing.push(state => clearColumn(state.tables[table.at] as Tiles, table.width, column))
    return { table, column }
  }

  clock: Scope['clock'] = clock => void this.#layout.clocks.push(clock)

  zone: Scope['zone'] = given => {
    let known = this.#zones.get(given)
    if (known === undefined) {
      const id = shortHash(`zone ${given}`, placeIdLength)
      known = userZone(this, given, place => this.#layout.cell({ id, ...place }))
      this.#zones.set(given, known)
    }
    return known.place
  }

  /** Makes all its places new. */
  clear(state: JobState): void {
    for (const clearOne of this.#clearing) clearOne(state)
  }

  #id(part: string): string {
    const id = shortHash(`${part} of ${this.#definition}`, placeIdLength)
    if (this.#placeIds.has(id))
      this.fail('by chance it has the id of another one (one in a billion)', 'name it otherwise')
    this.#placeIds.add(id)
    return id
  }
}
