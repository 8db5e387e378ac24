import { execFile, spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { assert, type Suite, skip } from '../harness.ts'
import { BrokerCase, type BrokerWorld } from './broker-world.ts'

const run = promisify(execFile)
const script = fileURLToPath(new URL('../broker/librdkafka.py', import.meta.url))
// Debian's package belongs to Debian's Python.
const PYTHON = '/usr/bin/python3'

/** The usual tools of other people, where they are installed: Debian's kcat and python3-confluent-kafka. */
export function librdkafkaCases(test: Suite, world: () => BrokerWorld): void {
  test('kcat writes with every compression and reads it back', async () => {
    if (spawnSync('kcat', ['-V']).status !== 0) skip('kcat is not installed')
    await BrokerCase.run(world(), async ({ topic }) => {
      const codecs = ['none', 'gzip', 'snappy', 'lz4', 'zstd']
      for (const codec of codecs) {
        const writing = run(
          'kcat',
          ['-b', world().address, '-t', topic, '-P', '-K:', '-z', codec],
          { timeout: 20_000 },
        )
        writing.child.stdin?.end(`key:${codec} ${'x'.repeat(500)}\n`)
        await writing
      }
      const format = ['-o', 'beginning', '-e', '-q', '-f', '%o %s\n']
      const { stdout } = await run('kcat', ['-b', world().address, '-t', topic, '-C', ...format], {
        timeout: 20_000,
      })
      const seen = stdout
        .trim()
        .split('\n')
        .map(line => line.split(' ').slice(0, 2).join(' '))
      assert.equal(
        seen,
        codecs.map((codec, offset) => `${offset} ${codec}`),
      )
    })
  })

  test(
    "librdkafka's Python client commits and aborts transactions with offsets, and reads in a group",
    async () => {
      if (spawnSync(PYTHON, ['-c', 'import confluent_kafka']).status !== 0)
        skip('python3-confluent-kafka is not installed')
      await BrokerCase.run(world(), async ({ topic }) => {
        const { stdout } = await run(PYTHON, [script, world().address, topic], { timeout: 40_000 })
        assert.equal(stdout.trim().split('\n'), ['0 committed', 'offset 9'])
      })
    },
    { timeoutMs: 60_000 },
  )
}
