import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { assert, suite } from '../harness.ts'

const test = suite('test:redpanda')
const root = fileURLToPath(new URL('../..', import.meta.url))

test('where Docker is missing, nothing passes: it says that it was not run', () => {
  const env = { ...process.env, DOCKER_HOST: 'unix:///nowhere/docker.sock' }
  const { status, stdout } = spawnSync(
    process.execPath,
    ['--import', './bin/typescript.js', 'test/redpanda/run.ts'],
    { cwd: root, env, encoding: 'utf8', timeout: 60_000 },
  )
  assert.is(status, 0)
  assert.match(stdout, /NOT RUN: .*Docker/)
  assert.match(stdout, /\n0 passed, 0 failed, [1-9]\d* skipped\n$/)
})

test.run()
