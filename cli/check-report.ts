import type { JobDefinition } from '../jobs/job-definition.ts'
import type { SampleReport } from './check-sample.ts'
import { usesOf, type WordUse } from './definition-uses.ts'

/** A job for a person to read: a line for each of its features and triggers. `rekeys`: other jobs' inputs. */
export function* describeJob(
  definition: JobDefinition,
  rekeys: readonly string[] = [],
): Generator<string> {
  const uses = usesOf(definition)
  const segments = Object.keys(definition.segments ?? {})
  const count = (role: WordUse['role']) => uses.filter(use => use.role === role).length
  yield `job ${definition.name} reads ${definition.input}: ${counted(count('feature'), 'feature')}, ${counted(segments.length, 'segment')}, ${counted(count('trigger'), 'trigger')}`
  const rows = uses.map(({ name, kind, events, takesEvents, paths, optional, window }) => [
    name,
    kind,
    paths.map(({ path }) => `${path}${optional ? '?' : ''}`).join(', '),
    takesEvents ? `of ${events?.join(', ') ?? 'every event'}` : '',
    window === '' ? '' : `in ${window}`,
  ])
  const widths = [0, 1, 2, 3].map(at => Math.max(0, ...rows.map(row => (row[at] ?? '').length)))
  for (const row of rows)
    yield `  ${row.map((cell, at) => cell.padEnd(widths[at] ?? 0)).join('  ')}`.trimEnd()
  if (segments.length > 0) yield `  segments: ${segments.join(', ')}`
  if (rekeys.length > 0)
    yield `  sends to ${rekeys.join(', ')}: from a job whose own input others send to, this would be refused (rekeyed_twice), since a chain has two jobs`
}

/** What a job made of a sample: what is odd first, then the counts, then what it could not take. */
export function* tellSample(report: SampleReport, path: string): Generator<string> {
  const { warnings, lines, cut, taken, duplicates, late, triggers, dead } = report
  const deadCount = dead.reduce((sum, { count }) => sum + count, 0)
  yield ''
  yield `${path}: ${counted(lines, 'event')}${cut ? ' (the rest was not read: --limit)' : ''}`
  yield `  ${taken} taken, ${deadCount} dead, ${late} late, ${duplicates} repeated; ${counted(triggers, 'trigger')}`
  for (const { code, count, reason, firstLine, example } of dead) {
    yield `  dead: ${count} × ${code}, first in line ${firstLine}: ${reason}`
    if (example !== reason) yield `        such as: ${example}`
  }
  for (const warning of warnings) yield `  warning: ${warning}`
  if (warnings.length === 0 && dead.length === 0) yield '  nothing to complain of'
}

const counted = (count: number, what: string): string => `${count} ${what}${count === 1 ? '' : 's'}`
