import { spawn } from 'node:child_process'
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { assert, suite } from './harness.ts'

const test = suite('test runner')
const root = fileURLToPath(new URL('..', import.meta.url))
const harness = JSON.stringify(new URL('./harness.ts', import.meta.url).href)
const head = `import { suite, assert, skip } from ${harness}\nconst test = suite('fixture')\n`
let dir = ''

test.before.each(async () => {
  dir = await mkdtemp(join(tmpdir(), 'millrace-runner-'))
})
test.after.each(() => rm(dir, { recursive: true, force: true }))

test('a run whose tests pass ends with its counts alone on the last line, and exit code 0', async () => {
  await fixture('a.test.ts', `test('one', () => {})\ntest('two', () => {})\ntest.run()`)
  await fixture('deep/b.test.ts', `test('three', async () => {})\ntest.run()`)
  const { code, last, output } = await runner()
  assert.is(code, 0)
  assert.is(last, '3 passed, 0 failed')
  assert.is(output.split('\n').filter(line => /^\d+ passed/.test(line)).length, 1)
})

test('a failed test is counted and its output shown', async () => {
  await fixture(
    'a.test.ts',
    `test('one', () => {})\ntest('two', () => assert.is(6 * 9, 42))\ntest.run()`,
  )
  const { code, last, output } = await runner()
  assert.is(code, 1)
  assert.is(last, '1 passed, 1 failed')
  assert.match(output, /Expected values to be strictly equal/)
})

test('tests count as failed when before throws', async () => {
  await fixture(
    'a.test.ts',
    `test.before(() => { throw new Error('no bed') })\ntest('one', () => {})\ntest.run()`,
  )
  const { code, last, output } = await runner()
  assert.is(code, 1)
  assert.is(last, '0 passed, 1 failed')
  assert.match(output, /no bed/)
})

test('tests count as failed when before.each or after.each throws', async () => {
  await fixture(
    'a.test.ts',
    `test.before.each(() => { throw new Error('x') })\ntest('one', () => {})\ntest.run()`,
  )
  await fixture(
    'b.test.ts',
    `test.after.each(() => { throw new Error('x') })\ntest('one', () => {})\ntest.run()`,
  )
  const { code, last } = await runner()
  assert.is(code, 1)
  assert.is(last, '1 passed, 2 failed')
})

test('tests count as failed when run() is forgotten', async () => {
  await fixture('a.test.ts', `test('one', () => {})\ntest('two', () => {})`)
  const { code, last, output } = await runner()
  assert.is(code, 1)
  assert.is(last, '0 passed, 2 failed')
  assert.match(output, /test\.run\(\) is missing/)
})

test('a suite without tests and a file without a suite fail', async () => {
  await fixture('a.test.ts', 'test.run()')
  await writeFile(join(dir, 'b.test.ts'), 'export {}\n')
  const { code, last } = await runner()
  assert.is(code, 1)
  assert.is(last, '0 passed, 2 failed')
})

test('tests count as failed when the process ends early, even with exit code 0', async () => {
  await fixture(
    'a.test.ts',
    `test('one', () => process.exit(0))\ntest('two', () => {})\ntest.run()`,
  )
  const { code, last } = await runner()
  assert.is(code, 1)
  assert.is(last, '0 passed, 2 failed')
})

test('a file that dies by a signal fails', async () => {
  await fixture('a.test.ts', `test('one', () => process.kill(process.pid, 'SIGKILL'))\ntest.run()`)
  const { code, last, output } = await runner()
  assert.is(code, 1)
  assert.is(last, '0 passed, 1 failed')
  assert.match(output, /ended without a report \(SIGKILL\)/)
})

test('a rejection that nobody handles fails the file', async () => {
  await fixture(
    'a.test.ts',
    `test('one', () => { Promise.reject(new Error('loose')) })\ntest.run()`,
  )
  const { code, output } = await runner()
  assert.is(code, 1)
  assert.match(output, /loose/)
})

test('a test that hangs fails after its time-out, and the next one runs', async () => {
  await fixture(
    'a.test.ts',
    `test('one', () => new Promise(() => {}), { timeoutMs: 50 })\ntest('two', () => {})\ntest.run()`,
  )
  const { code, last, output } = await runner()
  assert.is(code, 1)
  assert.is(last, '1 passed, 1 failed')
  assert.match(output, /"one" has not ended after 50 ms/)
})

test('a file that blocks is killed after its time-out, with the processes that it started', async () => {
  await fixture(
    'a.test.ts',
    `import { spawn } from 'node:child_process'
     import { writeFileSync } from 'node:fs'
     test('one', () => {
       const { pid } = spawn('sleep', ['60'], { detached: true, stdio: 'ignore' })
       writeFileSync(${JSON.stringify(join(dir, 'pid'))}, String(pid))
       for (;;);
     })
     test.run()`,
  )
  const { code, last, output } = await runner('--file-timeout', '5')
  assert.is(code, 1)
  assert.match(last, /^0 passed, [12] failed$/)
  assert.match(output, /has not ended after 5 s/)
  const pid = Number(await readFile(join(dir, 'pid'), 'utf8'))
  assert.not(await alive(pid), `process ${pid} is still there`)
})

test('with --second-try a file that failed runs again, alone, and is told as shaky when it passes', async () => {
  const flag = JSON.stringify(join(dir, 'tried'))
  await fixture(
    'a.test.ts',
    `import { existsSync, writeFileSync } from 'node:fs'
     const again = existsSync(${flag})
     test('one', () => { writeFileSync(${flag}, ''); if (!again) throw new Error('the first time') })
     test.run()`,
  )
  await fixture('b.test.ts', `test('one', () => { throw new Error('always') })\ntest.run()`)
  const { code, last, output } = await runner('--second-try')
  assert.is(code, 1)
  assert.is(last, '1 passed, 1 failed')
  assert.match(output, /shaky: .*a\.test\.ts failed beside others and passed alone/)
  assert.not.match(output, /shaky: .*b\.test\.ts/)
})

test('a file that leaves a process behind fails', async () => {
  await fixture(
    'a.test.ts',
    `import { spawn } from 'node:child_process'
     test('one', () => { spawn('sleep', ['60'], { stdio: 'ignore' }).unref() })
     test.run()`,
  )
  const { code, last, output } = await runner()
  assert.is(code, 1)
  assert.is(last, '1 passed, 1 failed')
  assert.match(output, /left processes running/)
})

test('skipped tests are counted apart and told with their reason', async () => {
  await fixture(
    'a.test.ts',
    `test('one', () => skip('no moon'))\ntest('two', () => {})\ntest.run()`,
  )
  await fixture(
    'b.test.ts',
    `test.before(() => skip('no sun'))\ntest('three', () => {})\ntest.run()`,
  )
  const { code, last, output } = await runner()
  assert.is(code, 0)
  assert.is(last, '1 passed, 0 failed, 2 skipped')
  assert.match(output, /fixture: one \(no moon\)/)
  assert.match(output, /fixture: three \(no sun\)/)
})

test('a filter chooses files, and one that fits none fails the run', async () => {
  await fixture('a.test.ts', `test('one', () => {})\ntest.run()`)
  await fixture('b.test.ts', `test('two', () => {})\ntest('three', () => {})\ntest.run()`)
  assert.is((await runner('a.test')).last, '1 passed, 0 failed')
  const missed = await runner('a.test', 'c.test')
  assert.is(missed.code, 1)
  assert.is(missed.last, '1 passed, 1 failed')
  await writeFile(join(dir, 'list'), '# those of b\nb.test\n')
  assert.is((await runner('--only', join(dir, 'list'))).last, '2 passed, 0 failed')
  assert.is((await runner('--only', join(dir, 'list'), 'a.test')).last, '0 passed, 1 failed')
})

test('a folder without tests fails, and the folder kafka is left out where no list names it', async () => {
  await fixture('kafka/a.test.ts', `test('one', () => {})\ntest.run()`)
  const { code, last } = await runner()
  assert.is(code, 1)
  assert.is(last, '0 passed, 1 failed')
  await writeFile(join(dir, 'list'), 'kafka/\n')
  assert.is((await runner('--only', join(dir, 'list'))).last, '1 passed, 0 failed')
})

test.run()

async function fixture(name: string, body: string): Promise<void> {
  await mkdir(join(dir, name, '..'), { recursive: true })
  await writeFile(join(dir, name), `${head}${body}\n`)
}

async function runner(
  ...options: string[]
): Promise<{ code: number | null; last: string; output: string }> {
  const program = ['--import', './bin/typescript.js', 'test/run.ts', '--dir', dir, ...options]
  const child = spawn(process.execPath, program, { cwd: root, stdio: ['ignore', 'pipe', 'pipe'] })
  let output = ''
  child.stdout.setEncoding('utf8').on('data', chunk => {
    output += chunk
  })
  child.stderr.setEncoding('utf8').on('data', chunk => {
    output += chunk
  })
  const code = await new Promise<number | null>(resolve => child.on('close', resolve))
  return { code, last: output.trimEnd().split('\n').at(-1) ?? '', output }
}

async function alive(pid: number): Promise<boolean> {
  // A killed process stays for a moment, until its parent or init has taken note of it.
  for (let tries = 0; tries < 20; tries++) {
    const state = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '')
    if (state === '' || / [ZX] /.test(state)) return false
    await new Promise(resolve => setTimeout(resolve, 50))
  }
  return true
}
