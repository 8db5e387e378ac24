import { writeFileSync } from 'node:fs'
import { suite as uvuSuite } from 'uvu'

export * as assert from 'uvu/assert'

type Body = () => unknown

export interface Suite {
  /** A test. The name is a sentence that says behaviour. It fails when it has not ended after `timeoutMs`. */
  (name: string, body: Body, options?: TestOptions): void
  before: Hook
  after: Hook
  /** Hands the suite's tests over for running. A suite for which this is not called fails. */
  run(): void
}

export interface Hook {
  (body: Body): void
  each(body: Body): void
}

export interface TestOptions {
  /** 30,000 when not given; at most 1,200,000. A hook has as long as a test of its suite; what comes after, two minutes at most. */
  readonly timeoutMs?: number
}

/** What one test file's process tells the runner, as JSON in the file that MILLRACE_TEST_REPORT names. */
export interface Report {
  readonly passed: number
  readonly failed: number
  readonly skips: readonly { readonly test: string; readonly reason: string }[]
}

interface SuiteRecord {
  readonly name: string
  /** Tests that were declared and have not passed, failed or been skipped yet. */
  readonly waiting: Set<string>
  declared: number
  started: boolean
  ended: boolean
}

class Skipped extends Error {
  override readonly name = 'Skipped'
}

const TIMEOUT_MS = 30_000
const TIMEOUT_MS_MAX = 1_200_000
const AFTER_TIMEOUT_MS_MAX = 120_000
/** How long a process may live on after its last suite, before what keeps it alive is told and it is ended. */
const LINGER_MS = 10_000

const suites: SuiteRecord[] = []
const skips: { test: string; reason: string }[] = []
let passed = 0
let failed = 0

const reportPath = process.env.MILLRACE_TEST_REPORT
// A process that a test starts is no test file, and must not write this one's report.
delete process.env.MILLRACE_TEST_REPORT
process.on('exit', conclude)

/**
 * Ends the running test (or, called in `before`, every test of the suite; in `before.each`, the next one) as
 * skipped. Skipped tests are counted apart and printed with their reason.
 */
export function skip(reason: string): never {
  throw new Skipped(reason)
}

/** The error that `body` rejects or throws with; fails when it does not. `expected` must match its message or code. */
export async function rejects(body: () => unknown, expected?: RegExp | string): Promise<Error> {
  let value: unknown
  try {
    value = await body()
  } catch (error) {
    if (!(error instanceof Error)) throw new Error(`expected an Error, was thrown ${String(error)}`)
    const code = 'code' in error ? String(error.code) : ''
    const matches =
      expected === undefined ||
      (typeof expected === 'string'
        ? code === expected || error.message.includes(expected)
        : expected.test(error.message) || expected.test(code))
    if (!matches)
      throw new Error(`expected an error like ${expected}, got ${code} ${error.message}`, {
        cause: error,
      })
    return error
  }
  throw new Error(
    `expected an error${expected === undefined ? '' : ` like ${expected}`}, got ${String(value)}`,
  )
}

/**
 * A uvu suite that cannot pass without having run. uvu alone ends with exit code 0 when `before` throws,
 * when `run` is forgotten and when the process ends early; here each test that was declared and did not
 * run counts as failed, however that came about.
 */
export function suite(name: string, defaults: TestOptions = {}): Suite {
  const record: SuiteRecord = {
    name,
    waiting: new Set(),
    declared: 0,
    started: false,
    ended: false,
  }
  suites.push(record)
  const inner = uvuSuite(name)
  let skipSuite: string | undefined
  let skipNext: string | undefined

  const test = (title: string, body: Body, options: TestOptions = defaults) => {
    if (record.started) throw new Error(`test "${title}" of suite "${name}" comes after run()`)
    const timeoutMs = bounded(options.timeoutMs ?? defaults.timeoutMs ?? TIMEOUT_MS)
    record.declared++
    const id = `${record.declared}: ${title}`
    record.waiting.add(id)
    const skipped = (reason: string) => {
      skips.push({ test: `${name}: ${title}`, reason })
      record.waiting.delete(id)
    }
    inner(title, async () => {
      const reason = skipSuite ?? skipNext
      skipNext = undefined
      if (reason !== undefined) return skipped(reason)
      try {
        await within(timeoutMs, title, body)
        passed++
      } catch (error) {
        if (error instanceof Skipped) return skipped(error.message)
        failed++
        record.waiting.delete(id)
        throw error instanceof Error ? error : new Error(`a test threw ${String(error)}`)
      }
      record.waiting.delete(id)
    })
  }

  /** uvu swallows what a hook throws, or breaks off without a count; so it is told and counted here. */
  const guarded = (kind: string, body: Body, onSkip?: (reason: string) => void) => async () => {
    try {
      const timeoutMs = bounded(defaults.timeoutMs ?? TIMEOUT_MS)
      const most = kind.startsWith('after') ? AFTER_TIMEOUT_MS_MAX : timeoutMs
      await within(Math.min(timeoutMs, most), kind, body)
    } catch (error) {
      if (error instanceof Skipped && onSkip) return onSkip(error.message)
      console.error(`\n  ${kind} of suite "${name}" failed:`, error)
      if (!kind.startsWith('before')) failed++
      else throw error
    }
  }

  const before: Hook = Object.assign(
    (body: Body) =>
      inner.before(
        guarded('before', body, reason => {
          skipSuite = reason
        }),
      ),
    {
      each: (body: Body) =>
        inner.before.each(
          guarded('before.each', body, reason => {
            skipNext = reason
          }),
        ),
    },
  )
  const after: Hook = Object.assign((body: Body) => inner.after(guarded('after', body)), {
    each: (body: Body) => inner.after.each(guarded('after.each', body)),
  })

  const run = () => {
    record.started = true
    inner.after(() => {
      record.ended = true
      if (suites.every(each => each.ended)) setTimeout(endLingering, LINGER_MS).unref()
    })
    inner.run()
  }
  return Object.assign(test, { before, after, run })
}

function bounded(timeoutMs: number): number {
  if (timeoutMs > 0 && timeoutMs <= TIMEOUT_MS_MAX) return timeoutMs
  throw new RangeError(`timeoutMs is more than 0 and at most ${TIMEOUT_MS_MAX}, not ${timeoutMs}`)
}

async function within(timeoutMs: number, what: string, body: Body): Promise<void> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(
      () => reject(new Error(`"${what}" has not ended after ${timeoutMs} ms`)),
      timeoutMs,
    )
  })
  try {
    await Promise.race([body(), late])
  } finally {
    clearTimeout(timer)
  }
}

/** Something that a test left open (a server, a socket, a worker) keeps the process alive: that is a fault too. */
function endLingering(): void {
  if (!suites.every(each => each.ended)) return
  failed++
  const open = process.getActiveResourcesInfo().join(', ')
  console.error(
    `\n  all suites ended ${LINGER_MS} ms ago, and the process is kept alive by: ${open}`,
  )
  process.exit(1)
}

function conclude(): void {
  for (const { name, waiting, declared, started, ended } of suites) {
    if (declared === 0) tell(`suite "${name}" has no test`, 1)
    else if (!started) tell(`suite "${name}" was never run: test.run() is missing`, declared)
    else if (waiting.size > 0)
      tell(`suite "${name}": did not run: ${[...waiting].join('; ')}`, waiting.size)
    else if (!ended) tell(`suite "${name}": the process ended inside it`, 1)
  }
  if (suites.length === 0) tell('no suite in this file', 1)
  if (failed > 0) process.exitCode = 1
  const report: Report = { passed, failed, skips }
  if (reportPath !== undefined) writeFileSync(reportPath, JSON.stringify(report))
  else console.log(`${passed} passed, ${failed} failed, ${skips.length} skipped`)
}

function tell(problem: string, tests: number): void {
  failed += tests
  console.error(`  ${problem}`)
}
