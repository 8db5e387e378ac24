import { systemClock } from '../runtime/clock.ts'
import type { Progress } from './progress.ts'
import type { RecoveryWorld } from './recovery-world.ts'

export interface Restart {
  /** From the start of the process to its first row, and to the first row of its last partition, ms. */
  readonly firstRowMs: number
  readonly allRowsMs: number
  /** Of the process until then. */
  readonly cpuSeconds: number
}

/**
 * `workMs`: of work between two rounds; the stores catch up with the commits every second. `between`: what is done
 * while nothing runs.
 */
export async function killedAgain(
  world: RecoveryWorld,
  bar: Progress,
  rounds: number,
  workMs: number,
  between: () => Promise<void> = async () => undefined,
): Promise<Restart[]> {
  const restarts: Restart[] = []
  let process = world.start('one')
  await world.subject.ready(process)
  for (let round = 0; round < rounds; round++) {
    bar.next('killed, and started again')
    await systemClock.sleep(workMs)
    await world.kill(process)
    await between()
    const startedAt = systemClock.elapsed()
    const rows = world.firstRows()
    process = world.start('one')
    const { first, all } = await Promise.race([rows, process.failed()])
    const restart = {
      firstRowMs: Math.round(first - startedAt),
      allRowsMs: Math.round(all - startedAt),
      cpuSeconds: process.usage.cpuSeconds,
    }
    bar.say(JSON.stringify({ round, ...restart }))
    restarts.push(restart)
    await world.subject.ready(process)
  }
  await process.end()
  return restarts
}

/** The longest time without a row, ms, of each partition, while both processes are restarted in turn. */
export async function rollingRestart(world: RecoveryWorld, workMs: number): Promise<number[]> {
  const processes = new Map([
    ['one', world.start('one')],
    ['two', world.start('two')],
  ])
  for (const process of processes.values()) await world.subject.ready(process)
  await systemClock.sleep(workMs)
  const gaps = world.gaps()
  for (const [name, process] of processes) {
    await process.end()
    const again = world.start(name)
    processes.set(name, again)
    await world.subject.ready(again)
    await systemClock.sleep(workMs)
  }
  const found = gaps()
  for (const process of processes.values()) await process.end()
  return found
}
