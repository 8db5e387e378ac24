import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

/**
 * docs/FEATURES.md, made from the docstrings of the feature language:
 * `node --import ./bin/typescript.js docs/features-page.ts > docs/FEATURES.md`
 */
export function featuresPage(): string {
  const words = exportedWords()
  const of = (returns: string) => words.filter(word => word.returns === returns)
  const interfaces = new Map(
    [...new Set(words.map(({ file }) => file)), ...sharedFiles]
      .flatMap(file => interfacesOf(read(file)))
      .map(one => [one.name, one] as const),
  )
  const section = (list: readonly Word[]) => list.map(word => wordText(word, interfaces)).join('\n')
  const shared = sharedInterfaces.map(name => sharedText(interfaces.get(name)))
  return `${intro}
## Options of many features

${shared.join('\n')}
## Windows

${section(of('Window'))}
## Features

${section(of('Feature'))}
## Segments

${section([...of('RfmSegments'), ...of('RfmEdges')])}
## Triggers

${section(of('TriggerRule'))}
## The job

${sharedText(interfacesOf(read('job-definition.ts')).find(({ name }) => name === 'JobDefinition'))}`
}

const intro = `# The feature language

Made from the docstrings in \`jobs/\` by \`docs/features-page.ts\`; [GUIDE.md](GUIDE.md) takes you there step by step.
A job is \`defineJob({ name, input, features, segments, triggers, … })\`, and every word below is imported from \`millrace\`. What a job's functions may look up (tables, places, devices) is told in [ENRICHMENT.md](ENRICHMENT.md); how jobs tell each other (\`pairs\`, \`rekey\`) in [RECOMMENDATIONS.md](RECOMMENDATIONS.md).
`

/** With options that words of other files inherit. */
const sharedFiles = [
  ...['selection.ts', 'window.ts', 'aggregate.ts'],
  ...['product.ts', 'orders.ts', 'human.ts', 'rekeying.ts'],
]

/** Told once, and only named where a feature has them. */
const sharedInterfaces = ['Selection', 'Valued', 'Windowed']

interface Word {
  readonly name: string
  readonly file: string
  readonly doc: string
  readonly signature: string
  /** Name of the options' interface; '' where there is none. */
  readonly options: string
  readonly returns: string
}

interface Shape {
  readonly name: string
  readonly doc: string
  readonly parents: readonly string[]
  readonly members: readonly { name: string; type: string; doc: string }[]
}

function read(file: string): string {
  return readFileSync(new URL(`../jobs/${file}`, import.meta.url), 'utf8')
}

/** In the order in which jobs/define-job.ts exports them. */
function exportedWords(): Word[] {
  const exported = read('define-job.ts').matchAll(/export \{([^}]+)\} from '\.\/(.+?)'/g)
  return [...exported].flatMap(([, names = '', file = '']) =>
    names
      .split(',')
      .map(name => name.trim())
      .filter(name => name !== '' && !name.startsWith('type '))
      .flatMap(name => wordOf(name, file)),
  )
}

function wordOf(name: string, file: string): Word[] {
  const source = read(file)
  const found = new RegExp(
    String.raw`/\*\*((?:(?!\*/)[\s\S])*)\*/\nexport function ${name}(<.*?>)?\(([\s\S]*?)\): (\w+) \{`,
  ).exec(source)
  if (found === null) return []
  const [, doc = '', , parameters = '', returns = ''] = found
  const flat = parameters.replace(/\s+/g, ' ').replace(/,\s*$/, '').trim()
  const options = /(\w+Options)\b/.exec(flat)?.[1] ?? ''
  return [{ name, file, doc: docText(doc), signature: `${name}(${flat})`, options, returns }]
}

function interfacesOf(source: string): Shape[] {
  const pattern =
    /(?:\/\*\*((?:(?!\*\/)[\s\S])*)\*\/\n)?export interface (\w+)(?:<.*?>)?(?: extends ([^{]+?))? \{(\}|[\s\S]*?\n\})/g
  return [...source.matchAll(pattern)].map(([, doc = '', name = '', parents = '', body = '']) => ({
    name,
    doc: docText(doc),
    parents: [...parents.matchAll(/\b([A-Z]\w+)\b/g)].map(([parent]) => parent),
    members: membersOf(body),
  }))
}

function membersOf(body: string): Shape['members'] {
  const pattern =
    /(?: {2}\/\*\*((?:(?!\*\/)[\s\S])*)\*\/\n)? {2}(?:readonly )?(\w+\??): ([\s\S]*?)(?=\n {2}(?:\/\*\*|\w)|\n\})/g
  return [...body.matchAll(pattern)].map(([, doc = '', name = '', type = '']) => ({
    name,
    type: type.replace(/\s+/g, ' ').trim(),
    doc: docText(doc),
  }))
}

function docText(comment: string): string {
  return comment
    .split('\n')
    .map(line => line.replace(/^\s*\* ?/, ''))
    .join('\n')
    .trim()
}

function wordText(word: Word, interfaces: ReadonlyMap<string, Shape>): string {
  const shape = interfaces.get(word.options)
  const own = shape === undefined ? [] : ownMembers(shape, interfaces)
  const shared =
    shape === undefined ? [] : sharedInterfaces.filter(name => inherits(shape, name, interfaces))
  const also =
    shared.length === 0
      ? ''
      : `\nAnd the options of ${shared.map(name => `*${name}*`).join(', ')}.\n`
  return `### \`${word.signature}\`\n\n${word.doc}\n${table(own)}${also}`
}

function sharedText(shape: Shape | undefined): string {
  if (shape === undefined)
    throw new Error('docs/features-page.ts: an interface that it tells of is gone')
  return `### *${shape.name}*\n\n${shape.doc}\n${table(shape.members)}`
}

function ownMembers(shape: Shape, interfaces: ReadonlyMap<string, Shape>): Shape['members'] {
  const inherited = shape.parents
    .filter(name => !sharedInterfaces.includes(name))
    .flatMap(name => interfaces.get(name) ?? [])
    .flatMap(parent => ownMembers(parent, interfaces))
  return [...shape.members, ...inherited]
}

function inherits(shape: Shape, name: string, interfaces: ReadonlyMap<string, Shape>): boolean {
  return shape.parents.some(parent => {
    const known = interfaces.get(parent)
    return parent === name || (known !== undefined && inherits(known, name, interfaces))
  })
}

function table(members: Shape['members']): string {
  if (members.length === 0) return ''
  const cell = (text: string) => text.replace(/\s+/g, ' ').replaceAll('|', '\\|')
  const rows = members.map(
    ({ name, type, doc }) => `| \`${name}\` | \`${cell(type)}\` | ${cell(doc)} |`,
  )
  return `\n| option | type | |\n|---|---|---|\n${rows.join('\n')}\n`
}

if (process.argv[1] === fileURLToPath(import.meta.url)) process.stdout.write(featuresPage())
