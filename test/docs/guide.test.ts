import { spawn } from 'node:child_process'
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { assert, suite } from '../harness.ts'

const test = suite('the guide')

const root = new URL('../../', import.meta.url)
const guide = await readFile(new URL('docs/GUIDE.md', root), 'utf8')
const [job = '', jobTest = '', streak = ''] = [...guide.matchAll(/```ts\n([\s\S]*?)```/g)].map(
  ([, code]) => code,
)

test('its job and its test run as they stand', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'millrace-guide-'))
  try {
    await mkdir(join(folder, 'jobs'))
    await writeFile(join(folder, 'package.json'), '{ "type": "module" }')
    await writeFile(join(folder, 'jobs/shop.ts'), fromSource(job))
    await writeFile(join(folder, 'shop.test.ts'), fromSource(jobTest))
    const { code, output } = await run(['--test', 'shop.test.ts'], folder)
    assert.is(code, 0, output)
    assert.match(output, /pass 2/)
  } finally {
    await rm(folder, { recursive: true })
  }
})

test('its own feature counts the days of a streak, and loses it', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'millrace-guide-'))
  try {
    await writeFile(join(folder, 'package.json'), '{ "type": "module" }')
    const file = `import { defineJob, process } from 'millrace'
import { testJob } from 'millrace/testing'
const t = testJob(defineJob({ name: 'any', input: 'events', features: {
${streak} } }))
const seen = []
for (const hours of ['0h', '24h', '24h', '72h']) {
  if (hours !== '0h') t.advance(hours)
  seen.push(t.features('u1')?.streak)
  t.send({ event: 'App Opened' })
  seen.push(t.features('u1')?.streak)
}
console.log(JSON.stringify(seen))
`
    await writeFile(join(folder, 'streak.ts'), fromSource(file))
    const { code, output } = await run(['streak.ts'], folder)
    assert.is(code, 0, output)
    assert.is(output.trim(), '[null,1,1,2,2,3,0,1]')
  } finally {
    await rm(folder, { recursive: true })
  }
})

/** As in a project that has the package. */
function fromSource(code: string): string {
  return code
    .replaceAll("'millrace/testing'", `'${new URL('runtime/test-job.ts', root)}'`)
    .replaceAll("'millrace'", `'${new URL('jobs/define-job.ts', root)}'`)
}

function run(
  args: readonly string[],
  cwd: string,
): Promise<{ code: number | null; output: string }> {
  const typescript = fileURLToPath(new URL('bin/typescript.js', root))
  const { NODE_TEST_CONTEXT: _, ...env } = process.env
  const child = spawn(process.execPath, ['--import', typescript, ...args], { cwd, env })
  let output = ''
  for (const stream of [child.stdout, child.stderr]) stream.on('data', piece => (output += piece))
  return new Promise((resolve, reject) => {
    child.once('error', reject)
    child.once('close', code => resolve({ code, output }))
  })
}

test.run()
