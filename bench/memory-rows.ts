import { systemClock } from '../runtime/clock.ts'

const LOOK_MS = 500

/** Waits until the sidecar takes no more rows of its disk into memory; answers how many it has there then. */
export async function untilFilled(port: number, msMax: number): Promise<number> {
  const startedAt = systemClock.elapsed()
  for (let before = -1; systemClock.elapsed() - startedAt < msMax; ) {
    const rows = await memoryRows(port)
    if (rows === before) return rows
    before = rows
    await systemClock.sleep(LOOK_MS)
  }
  throw new Error(`the memory of rows is not filled after ${msMax} ms`)
}

async function memoryRows(port: number): Promise<number> {
  const text = await (await fetch(`http://127.0.0.1:${port}/metrics`)).text()
  return Number(/^millrace_view_memory_rows (\d+)$/m.exec(text)?.[1] ?? 0)
}
