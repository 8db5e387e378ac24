import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { cpus, totalmem } from 'node:os'
import { fileURLToPath } from 'node:url'

const file = fileURLToPath(new URL('./RESULTS.md', import.meta.url))
const intro =
  '# Results\n\nWritten by `npm run bench`: the newest run of each benchmark, with its machine and date.\n'

/** Puts a benchmark's newest results into bench/RESULTS.md, in place of its older ones. */
export function writeResults(name: string, body: string): void {
  const text = existsSync(file) ? readFileSync(file, 'utf8') : intro
  writeFileSync(file, withSection(text, name, body))
}

/** The text with the section of this name replaced, or added at its end. */
export function withSection(text: string, name: string, body: string): string {
  const section = `## ${name}\n\n${body.trim()}\n`
  const sections = text.split(/^(?=## )/m)
  const at = sections.findIndex(each => each.startsWith(`## ${name}\n`))
  if (at < 0) return `${text.trimEnd()}\n\n${section}`
  sections[at] = at === sections.length - 1 ? section : `${section}\n`
  return sections.join('')
}

/** Numbers are right-aligned. */
export function table(
  heads: readonly string[],
  rows: readonly (readonly (string | number)[])[],
): string {
  const line = (cells: readonly (string | number)[]) => `| ${cells.join(' | ')} |`
  const marks = heads.map((_, column) =>
    rows.every(row => typeof row[column] === 'number') ? '--:' : '---',
  )
  return [line(heads), line(marks), ...rows.map(line)].join('\n')
}

export function machine(date: Date): string {
  const [first] = cpus()
  const memoryGb = Math.round(totalmem() / 2 ** 30)
  const processor = `${cpus().length} × ${first?.model.trim() ?? 'unknown processor'}`
  return `${date.toISOString().slice(0, 10)}, Node ${process.versions.node}, ${processor}, ${memoryGb} GB`
}
