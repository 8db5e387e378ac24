import type { Job } from '../jobs/job.ts'
import type { JobDefinition } from '../jobs/job-definition.ts'
import { type TestLetter, testJob } from '../runtime/test-job.ts'
import { usesOf, type WordUse } from './definition-uses.ts'
import { readLines } from './lines.ts'

/** What a job makes of a file of events. */
export interface SampleReport {
  readonly lines: number
  /** Not all of the file was read. */
  readonly cut: boolean
  readonly taken: number
  readonly duplicates: number
  readonly late: number
  readonly triggers: number
  /** What would be dead letters, the most frequent first. */
  readonly dead: readonly DeadKind[]
  /** What the definition names and the events do not have. */
  readonly warnings: readonly string[]
}

export interface DeadKind {
  readonly code: string
  /** Without the value that was found. */
  readonly reason: string
  readonly count: number
  readonly firstLine: number
  /** The whole reason of the first. */
  readonly example: string
}

/** As of a record of Kafka, by default. */
const lineBytesMax = 1_000_000
const kindsMax = 100
/** So many different names of events and of properties are remembered. */
const namesMax = 1_000

/** Takes the events of a file into a job in this process, in the order of the file, as a task would. */
export async function checkSample(
  job: Job,
  definition: JobDefinition,
  path: string,
  {
    limit,
    now,
    signal,
  }: { readonly limit: number; readonly now: number; readonly signal: AbortSignal },
): Promise<SampleReport> {
  const driven = testJob(job, { at: now })
  const names = new Names(usesOf(definition))
  const dead = new Map<string, DeadKind>()
  let lines = 0
  let deadSoFar = 0
  let cut = false
  for await (const { number, text } of readLines(path, lineBytesMax)) {
    if (text?.trim() === '') continue
    cut = lines === limit || signal.aborted
    if (cut) break
    lines++
    if (text === undefined)
      count(dead, { code: 'too_large', reason: `longer than ${lineBytesMax} bytes` }, number)
    else {
      names.see(text)
      driven.sendRecord(text)
      for (const letter of driven.dead().slice(deadSoFar)) count(dead, letter, number)
      deadSoFar = driven.dead().length
    }
  }
  const kinds = [...dead.values()].sort((one, other) => other.count - one.count)
  const deadCount = kinds.reduce((sum, each) => sum + each.count, 0)
  const [duplicates, late] = [driven.duplicates(), driven.late().length]
  return {
    ...{ lines, cut, duplicates, late, dead: kinds },
    taken: lines - deadCount - duplicates - late,
    triggers: driven.triggers().length,
    warnings: names.warnings(),
  }
}

function count(dead: Map<string, DeadKind>, { code, reason }: TestLetter, line: number): void {
  const short = reason.replace(/[;,:] (found|got) .*$/s, '')
  const id = dead.size < kindsMax ? `${code} ${short}` : 'others'
  const known = dead.get(id)
  if (known !== undefined) dead.set(id, { ...known, count: known.count + 1 })
  else dead.set(id, { code, reason: short, count: 1, firstLine: line, example: reason })
}

/** Which names and paths of a definition the events have. */
class Names {
  /** Of each `track` event: how often it came, and its properties. */
  readonly #events = new Map<string, { count: number; properties: Set<string> }>()
  readonly #seen = new Map<WordUse, { events: number; withPath: number[] }>()

  constructor(uses: readonly WordUse[]) {
    for (const use of uses) this.#seen.set(use, { events: 0, withPath: use.paths.map(() => 0) })
  }

  see(text: string): void {
    const parsed = objectOf(text)
    if (parsed === undefined) return
    const name = typeof parsed.event === 'string' ? parsed.event : ''
    const properties = parsed.properties
    this.#remember(name, properties)
    for (const [use, seen] of this.#seen) {
      if (!use.takesEvents || (use.events !== undefined && !use.events.includes(name))) continue
      seen.events++
      for (const [at, { path }] of use.paths.entries())
        if (hasPath(properties, path)) seen.withPath[at] = (seen.withPath[at] ?? 0) + 1
    }
  }

  *#warn(): Generator<string> {
    for (const [use, seen] of this.#seen) {
      const what = `${use.role} "${use.name}"`
      const missing = (use.events ?? []).filter(name => !this.#events.has(name))
      for (const name of missing)
        yield `${what}: no event of the sample is named '${name}'; it has ${listed(this.#events.keys())}`
      if (seen.events === 0) continue
      for (const [at, { option, path }] of use.paths.entries()) {
        if (seen.withPath[at] !== 0) continue
        const own = use.events ?? [...this.#events.keys()]
        const known = new Set(own.flatMap(name => [...(this.#events.get(name)?.properties ?? [])]))
        yield `${what}: none of its ${seen.events} events has properties.${path} (${option}: '${path}'); they have ${listed(known)}`
      }
    }
  }

  warnings(): string[] {
    return [...this.#warn()]
  }

  #remember(name: string, properties: unknown): void {
    let known = this.#events.get(name)
    if (known === undefined && this.#events.size < namesMax) {
      known = { count: 0, properties: new Set() }
      this.#events.set(name, known)
    }
    if (known === undefined || typeof properties !== 'object' || properties === null) return
    for (const property of Object.keys(properties))
      if (known.properties.size < namesMax) known.properties.add(property)
  }
}

function objectOf(text: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const parsed: unknown = JSON.parse(text)
    return typeof parsed === 'object' && parsed !== null
      ? (parsed as Readonly<Record<string, unknown>>)
      : undefined
  } catch (error) {
    if (error instanceof SyntaxError) return undefined // the job says it of the line
    throw error
  }
}

function hasPath(properties: unknown, path: string): boolean {
  let found = properties
  for (const name of path.split('.')) {
    if (typeof found !== 'object' || found === null) return false
    found = (found as Readonly<Record<string, unknown>>)[name]
  }
  return found !== undefined && found !== null && found !== ''
}

function listed(names: Iterable<string>): string {
  const all = [...names].filter(name => name !== '').sort()
  const shown = all.slice(0, 20).join(', ')
  return all.length === 0 ? 'none' : `${shown}${all.length > 20 ? ', …' : ''}`
}
