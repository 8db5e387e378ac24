import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { systemClock } from '../runtime/clock.ts'
import { MeasuredProcess } from './measured-process.ts'

/** Where a benchmark's topics live. */
export interface Brokers {
  readonly addresses: string
  /** For people. */
  readonly name: string
  close(): Promise<void>
}

const program = fileURLToPath(new URL('../bin/millrace.js', import.meta.url))
const STARTUP_MS_MAX = 20_000

/** The given brokers; or, where none are given, an embedded one in a process and folder of its own. */
export async function openBrokers(given: string | undefined): Promise<Brokers> {
  if (given !== undefined) {
    return { addresses: given, name: given, close: () => Promise.resolve() }
  }
  const folder = await mkdtemp(join(tmpdir(), 'millrace-bench-broker-'))
  const child = new MeasuredProcess(process.execPath, [
    ...[program, 'broker', '--port', '0', '--http-port', '0'],
    ...['--data', folder],
  ])
  const close = async () => {
    await child.end()
    await rm(folder, { recursive: true })
  }
  const deadline = systemClock.elapsed() + STARTUP_MS_MAX
  while (systemClock.elapsed() < deadline) {
    const found = /\b127\.0\.0\.1:\d+\b/.exec(child.output)
    if (found !== null) return { addresses: found[0], name: 'the embedded broker', close }
    await systemClock.sleep(50)
  }
  child.kill()
  throw new Error(`the embedded broker did not start within ${STARTUP_MS_MAX} ms: ${child.output}`)
}
