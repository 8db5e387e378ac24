import { spawnSync } from 'node:child_process'
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs'
import { dirname, posix, resolve, sep } from 'node:path'
import { fileURLToPath } from 'node:url'
import { assert, suite } from './harness.ts'

/** What each folder may import of ours, besides itself. `folder/file` allows that one file only. */
const ALLOWED: Record<string, readonly string[]> = {
  protocol: [],
  state: [],
  jobs: ['state'],
  runtime: ['protocol', 'state', 'jobs'],
  broker: ['protocol', 'runtime/clock.ts', 'runtime/folder-lock.ts'],
  http: ['runtime/clock.ts'],
  serve: [
    'http',
    'content',
    'protocol',
    'state/packed-values.ts',
    'jobs/recommend.ts',
    'runtime/log.ts',
    'runtime/clock.ts',
    'runtime/deadlines.ts',
    'runtime/json-scan.ts',
    'runtime/telemetry.ts',
  ],
  collect: [
    'http',
    'protocol',
    'runtime/log.ts',
    'runtime/clock.ts',
    'runtime/deadlines.ts',
    'runtime/folder-lock.ts',
    'runtime/telemetry.ts',
    'jobs/json-schema.ts',
  ],
  content: [],
  cli: ['protocol', 'state', 'jobs', 'runtime', 'broker', 'http', 'serve', 'collect', 'content'],
}

/** Folders in which only runtime/clock.ts may know the time, and nothing may be random. */
const TIMELESS = ['runtime', 'state', 'jobs', 'serve', 'broker', 'http', 'collect', 'content']

/** Where time comes from: here, and in browsers. */
const CLOCKS = ['runtime/clock.ts', 'collect/page-script-browser.ts']

const LINES_MAX = 250

/** Files that reach into kafkajs further than its types do. */
const CASTS = ['runtime/kafka-membership.ts', 'test/tidy.test.ts']

const test = suite('tidy')
const root = fileURLToPath(new URL('..', import.meta.url))
const tracked = projectFiles()
const sources = tracked.filter(file => file.endsWith('.ts') && !file.endsWith('.d.ts'))

test('imports point one way, as the table allows', () => {
  const wrong: string[] = []
  for (const [file, target] of imports()) {
    const allowed = ALLOWED[folder(file)]
    if (allowed === undefined || folder(file) === folder(target)) continue
    if (!allowed.includes(folder(target)) && !allowed.includes(target))
      wrong.push(`${file} imports ${target}`)
  }
  assert.equal(wrong, [])
})

test('the table of imports has no cycle, and knows every folder with code', () => {
  const reaches = (from: string, seen: string[]): string[] => {
    if (seen.includes(from)) return [...seen, from]
    const cycles = (ALLOWED[from] ?? []).map(next => reaches(folder(next), [...seen, from]))
    return cycles.find(cycle => cycle.length > 0) ?? []
  }
  for (const from of Object.keys(ALLOWED)) assert.equal(reaches(from, []), [])
  const unknown = [...new Set(sources.map(folder))].filter(
    each => !(each in ALLOWED) && !['test', 'bench', 'docs'].includes(each),
  )
  assert.equal(unknown, [])
})

test('no clock and no randomness outside runtime/clock.ts', () => {
  const files = sources.filter(file => TIMELESS.includes(folder(file)) && !CLOCKS.includes(file))
  assert.equal(
    linesWith(files, /\bDate\.now\b|\bMath\.random\b|\bnew Date\(\)|\bperformance\.now\b/),
    [],
  )
})

test('no escape from the type checker, and no error swallowed', () => {
  const files = sources.filter(file => file !== 'test/tidy.test.ts')
  assert.equal(
    linesWith(files, /:\s*any\s*([\],;)=|&{[]|$)|\bas any\b|<any>|@ts-(ignore|nocheck)/),
    [],
  )
  assert.equal(linesWith(files, /catch\s*(\(\w*\))?\s*\{\s*\}/), [])
})

test('a cast through unknown stands only where a library leaves its types out', () => {
  const casts = linesWith(sources, /\bas unknown as \w/).filter(
    line => !CASTS.some(file => line.startsWith(`${file}:`)),
  )
  assert.equal(casts, [])
})

test('no file is named index or utils', () => {
  assert.equal(
    sources.filter(file => /(^|\/)(index|utils?|helpers?)(\/|\.ts$)/.test(file)),
    [],
  )
})

test('no file outgrows a screenful of things to keep in mind', () => {
  const grown: string[] = []
  for (const file of sources) {
    const lines = text(file).split('\n').length - 1
    if (lines > LINES_MAX) grown.push(`${file} has ${lines} lines, and may have ${LINES_MAX}`)
  }
  assert.equal(grown, [])
})

test('every test file is found by the runner and runs each suite that it makes', () => {
  const wrong = sources.filter(file => {
    if (folder(file) !== 'test') return false
    const made = text(file).match(/^\s*const \w+ = suite\(/gm)?.length ?? 0
    const ran = text(file).match(/\b\w+\.run\(\)/g)?.length ?? 0
    return file.endsWith('.test.ts') ? made === 0 || ran < made : false
  })
  assert.equal(wrong, [])
})

test('dependencies are pinned exactly', () => {
  const { dependencies, devDependencies } = JSON.parse(text('package.json'))
  const ranges = Object.entries<string>({ ...dependencies, ...devDependencies }).filter(
    ([, version]) => !/^\d+\.\d+\.\d+(-[\w.]+)?$/.test(version),
  )
  assert.equal(ranges, [])
})

test('what lies beside the checkout is named only by tests and benchmarks, which can do without it', () => {
  const files = tracked.filter(
    file => !/^(test|bench)\/|^package-lock\.json$|\.(png|jpg|gz)$/.test(file),
  )
  assert.equal(linesWith(files, /\.\.\/shared|\/work\/|\/tmp\/brief/), [])
})

test.run()

/** What git tracks; in an unpacked archive, all that is there. */
function projectFiles(): string[] {
  const { stdout, status } = spawnSync('git', ['ls-files'], { cwd: root, encoding: 'utf8' })
  if (status === 0)
    return stdout.split('\n').filter(file => file !== '' && existsSync(resolve(root, file)))
  return readdirSync(root, { recursive: true, encoding: 'utf8' })
    .map(file => file.replaceAll(sep, '/'))
    .filter(
      file =>
        !/^(node_modules|dist|\.git|\.millrace)(\/|$)/.test(file) &&
        statSync(resolve(root, file)).isFile(),
    )
}

function text(file: string): string {
  return readFileSync(resolve(root, file), 'utf8')
}

function folder(file: string): string {
  return file.includes('/') ? (file.split('/')[0] ?? '') : '.'
}

/** Pairs of a file and a file of ours that it imports, both from the root. */
function imports(): [string, string][] {
  const pattern = /\b(?:from|import)\s*\(?\s*['"](\.[^'"]+)['"]/g
  return sources.flatMap(file =>
    [...text(file).matchAll(pattern)].map(([, path = '']): [string, string] => [
      file,
      posix.normalize(posix.join(dirname(file), path)),
    ]),
  )
}

function linesWith(files: readonly string[], pattern: RegExp): string[] {
  return files.flatMap(file =>
    text(file)
      .split('\n')
      .flatMap((line, at) =>
        pattern.test(line) ? [`${file}:${at + 1}: ${line.trim().slice(0, 120)}`] : [],
      ),
  )
}
