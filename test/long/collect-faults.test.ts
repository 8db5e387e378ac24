import { join } from 'node:path'
import { brokerKilled } from '../collect/broker-killed-case.ts'
import { withFolder } from '../collect/sink-world.ts'
import { assert, suite } from '../harness.ts'
import { freePort, MillraceProcess } from '../harness-process.ts'

const test = suite('a collector whose broker is killed', { timeoutMs: 180_000 })

for (const answerAfter of ['brokers', 'spool'])
  test(`a broker killed for ten seconds in the midst of load costs no event that was answered, and doubles none (after ${answerAfter})`, () =>
    withFolder(async folder => {
      const port = await freePort(2)
      const start = async () => {
        const flags = ['--data', join(folder, 'broker'), '--http-port', '0', '--port', String(port)]
        const broker = new MillraceProcess(['broker', ...flags])
        await broker.ready()
        return { address: `127.0.0.1:${port}`, kill: () => broker.kill() }
      }
      const load = { singles: 1_000, batches: 50 }
      const flags = ['--answer-after', answerAfter]
      const times = { downMs: 10_000, aroundMs: 3_000, timesMax: 1 }
      const result = await brokerKilled(start, { load, flags, ...times })
      assert.is(result.refused, 0)
    }))

test.run()
