/**
 * `npm test`: runs each test file in a process of its own, three at a time, and sums up what they report.
 *
 *     node test/run.ts [--dir test] [--only LIST] [--file-timeout SECONDS] [--second-try] [FILTER…]
 *
 * FILTER is a part of a path; LIST a file with one such part a line. Suites that need a broker of somebody else's, or
 * long, run only when DIR or LIST names them. One that fits no file fails the run, and so does a file that runs no test, ends by a signal or by its time-out, or leaves processes behind. The last line is
 * `N passed, N failed[, N skipped]`.
 *
 * With `--second-try`, files that failed run again, one after the other, when all others have ended: on a machine that
 * is shared with others, a bound on time may break for reasons that are not ours. What passes only then is listed as
 * shaky, for somebody to look at; where more than five files fail, none is tried again.
 */
import { spawn } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, sep } from 'node:path'
import { parseArgs } from 'node:util'
import type { Report } from './harness.ts'
import { killTree } from './process-tree.ts'

interface FileResult extends Report {
  readonly file: string
  readonly seconds: number
  /** What is wrong with the process as a whole; each counts as one failed test. */
  readonly problems: readonly string[]
  readonly output: string
}

/** The most of a file's output that is kept, from its end, in characters. */
const OUTPUT_MAX = 400_000
/** More than cores, since much of a test is waiting: for a thread to start, a group to settle, a time to pass. */
const FILES_AT_ONCE = 3
const SECOND_TRIES_MAX = 5
/** These need a real Kafka, or a registry, or minutes. */
const APART = ['kafka', 'long', 'pack', 'prove']
/** The longest, which begin first so that no other waits for them at the end. */
const LONGEST = [
  'recovery/kills',
  'recovery/faults',
  'simulator/seeds',
  'runtime/deadly-records',
  'conformance/embedded-log',
]

const { values: flags, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    dir: { type: 'string', default: 'test' },
    only: { type: 'string' },
    'file-timeout': { type: 'string', default: '300' },
    'second-try': { type: 'boolean', default: false },
  },
})
/** What npm alone can run does so, whatever broker the person who asks for it works with otherwise. */
const isPlain = flags.dir === 'test' && flags.only === undefined
const { BROKERS: _, ...withoutBrokers } = process.env
const environment = isPlain ? withoutBrokers : process.env
const running = new Set<number>()
const scratch = mkdtempSync(join(tmpdir(), 'millrace-test-'))
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => interrupt())
process.exitCode = await main()

async function main(): Promise<number> {
  const started = performance.now()
  const list = flags.only === undefined ? [] : lines(flags.only)
  const all = testFiles(flags.dir, flags.only !== undefined)
  const fits = (file: string, parts: readonly string[]) =>
    parts.length === 0 || parts.some(part => file.includes(part))
  const files = all.filter(file => fits(file, list) && fits(file, positionals))
  const unfit = [
    ...list.filter(part => !all.some(file => file.includes(part))),
    ...positionals.filter(part => !files.some(file => file.includes(part))),
  ]
  for (const part of unfit) console.log(`  no test file under ${flags.dir} fits "${part}"`)
  if (all.length === 0) console.log(`  no test file under ${flags.dir}`)

  const results: FileResult[] = []
  const queue = [...files]
  const work = async () => {
    for (let file = queue.shift(); file !== undefined; file = queue.shift()) {
      const result = await runFile(file)
      print(result)
      results.push(result)
    }
  }
  await Promise.all(Array.from({ length: FILES_AT_ONCE }, work))
  if (flags['second-try']) await tryAgain(results)
  rmSync(scratch, { recursive: true, force: true })

  const skips = results.flatMap(each => each.skips)
  if (skips.length > 0) console.log('\n  skipped:')
  for (const { test, reason } of skips) console.log(`    ${test} (${reason})`)
  const passed = sum(results.map(each => each.passed))
  const failed = sum(results.map(each => each.failed)) + unfit.length + (all.length === 0 ? 1 : 0)
  const seconds = ((performance.now() - started) / 1000).toFixed(1)
  console.log(`\n  ${files.length} files on Node ${process.versions.node} in ${seconds} s\n`)
  console.log(
    `${passed} passed, ${failed} failed${skips.length > 0 ? `, ${skips.length} skipped` : ''}`,
  )
  return failed > 0 ? 1 : 0
}

/** Puts the second result of each file that failed in place of the first. */
async function tryAgain(results: FileResult[]): Promise<void> {
  const failed = results.filter(({ failed }) => failed > 0)
  if (failed.length > SECOND_TRIES_MAX) return
  const shaky: string[] = []
  for (const first of failed) {
    const second = await runFile(first.file)
    print(second)
    results[results.indexOf(first)] = second
    if (second.failed === 0) shaky.push(first.file)
  }
  for (const file of shaky) console.log(`  shaky: ${file} failed beside others and passed alone`)
}

function testFiles(dir: string, listed: boolean): string[] {
  const rank = (file: string) => {
    const at = LONGEST.findIndex(part => file.includes(part))
    return at < 0 ? LONGEST.length : at
  }
  return readdirSync(dir, { recursive: true, encoding: 'utf8' })
    .filter(name => name.endsWith('.test.ts'))
    .filter(name => listed || !APART.some(folder => name.startsWith(folder + sep)))
    .map(name => join(dir, name))
    .sort()
    .sort((one, other) => rank(one) - rank(other))
}

function lines(path: string): string[] {
  return readFileSync(path, 'utf8')
    .split('\n')
    .map(line => line.trim())
    .filter(line => line !== '' && !line.startsWith('#'))
}

function runFile(file: string): Promise<FileResult> {
  const started = performance.now()
  const reportPath = join(scratch, `${file.replaceAll(sep, '+')}.json`)
  rmSync(reportPath, { force: true })
  const stripper = new URL('../bin/typescript.js', import.meta.url).href
  const child = spawn(process.execPath, ['--import', stripper, file], {
    // A process group of its own, so that all that it starts can be ended with it.
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...environment, MILLRACE_TEST_REPORT: reportPath, NO_COLOR: '1', FORCE_COLOR: '0' },
  })
  const pid = child.pid
  if (pid !== undefined) running.add(pid)
  let output = ''
  const keep = (chunk: string) => {
    output = (output + chunk).slice(-OUTPUT_MAX)
  }
  child.stdout.setEncoding('utf8').on('data', keep)
  child.stderr.setEncoding('utf8').on('data', keep)
  const problems: string[] = []
  const secondsMax = Number(flags['file-timeout'])
  const timer = setTimeout(() => {
    problems.push(`has not ended after ${secondsMax} s`)
    if (pid !== undefined) killTree(pid)
  }, secondsMax * 1000)

  return new Promise(resolve => {
    child.on('error', error => problems.push(`could not be started: ${error.message}`))
    child.on('exit', async (code, signal) => {
      clearTimeout(timer)
      if (pid !== undefined) {
        if (await leftBehind(pid)) problems.push('left processes running')
        killTree(pid)
        running.delete(pid)
      }
      const report = readReport(reportPath)
      if (report === undefined)
        problems.push(`ended without a report (${signal ?? `exit code ${code}`})`)
      else if (report.passed + report.failed + report.skips.length === 0)
        problems.push('ran no test')
      else if (code !== 0 && report.failed === 0)
        problems.push(`exit code ${code} although no test failed`)
      const { passed = 0, failed = 0, skips = [] } = report ?? {}
      const seconds = (performance.now() - started) / 1000
      resolve({ file, passed, failed: failed + problems.length, skips, seconds, problems, output })
    })
  })
}

function readReport(path: string): Report | undefined {
  try {
    return JSON.parse(readFileSync(path, 'utf8')) as Report
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined
    throw error
  }
}

/** Whether the group still has a process half a second after its first one ended. */
async function leftBehind(group: number): Promise<boolean> {
  for (let tries = 0; tries < 5; tries++) {
    try {
      process.kill(-group, 0)
    } catch {
      return false
    }
    await new Promise(resolve => setTimeout(resolve, 100))
  }
  return true
}

function print({ file, passed, failed, skips, seconds, problems, output }: FileResult): void {
  const counts = [`${passed} passed`]
  if (failed > 0) counts.push(`${failed} failed`)
  if (skips.length > 0) counts.push(`${skips.length} skipped`)
  console.log(
    `${failed > 0 ? 'FAIL' : 'ok  '} ${file.padEnd(44)} ${counts.join(', ')}  ${seconds.toFixed(1)} s`,
  )
  if (failed === 0) return
  for (const problem of problems) console.log(`    ${file} ${problem}`)
  console.log(output.replaceAll(/^/gm, '    '))
}

function interrupt(): void {
  for (const pid of running) killTree(pid)
  rmSync(scratch, { recursive: true, force: true })
  process.exit(130)
}

function sum(values: number[]): number {
  return values.reduce((total, value) => total + value, 0)
}
