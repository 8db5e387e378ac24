import { systemClock } from '../runtime/clock.ts'
import type { MeasuredProcess } from './measured-process.ts'

const STARTUP_MS_MAX = 60_000
const TICK_MS = 50

/** Where a server listens, once it has said so. */
export async function listening(server: MeasuredProcess): Promise<{ url: string; port: number }> {
  const deadline = systemClock.elapsed() + STARTUP_MS_MAX
  while (systemClock.elapsed() < deadline) {
    const [url, port] = /http:\/\/127\.0\.0\.1:(\d+)/.exec(server.output) ?? []
    if (url !== undefined) return { url, port: Number(port) }
    await Promise.race([systemClock.sleep(TICK_MS), server.failed()])
  }
  throw new Error(`a server did not start within ${STARTUP_MS_MAX} ms: ${server.output}`)
}

/** Resolves when `/ready` answers so. */
export async function untilReady(
  server: MeasuredProcess,
  msMax: number,
): Promise<{ port: number }> {
  const startedAt = systemClock.elapsed()
  const { url, port } = await listening(server)
  while (systemClock.elapsed() - startedAt < msMax) {
    const answer = await fetch(`${url}/ready`)
    await answer.body?.cancel()
    if (answer.ok) return { port }
    await Promise.race([systemClock.sleep(TICK_MS), server.failed()])
  }
  throw new Error(`a server is not ready after ${msMax} ms: ${server.output}`)
}
