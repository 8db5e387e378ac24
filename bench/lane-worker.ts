import { randomUUID } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { systemClock } from '../runtime/clock.ts'
import { handField } from '../runtime/hand.ts'
import { importJob } from '../runtime/job-module.ts'
import { Lane } from '../runtime/lane.ts'
import type { ToLane } from '../runtime/messages.ts'
import type { WorkerSetup } from '../runtime/worker.ts'
import { openLevelStore } from '../state/level-store.ts'
import { laneLog } from './lane-log.ts'
import { cpuSecondsOf } from './measured-process.ts'

/** As `runtime/worker.ts`, with a log that has no broker. Leaves in its folder what processor time its thread has used. */
export default async function worker(setup: WorkerSetup | undefined): Promise<void> {
  if (setup === undefined) return
  const { port, folder, hand: shared, jobUrl, ...options } = setup
  const hand = new Float64Array(shared)
  const job = await importJob(jobUrl)
  const before = cpuSecondsOf('thread-self')
  await new Promise<void>(resolve => {
    const lane = new Lane({
      ...{ ...options, job, clock: systemClock, newHistory: randomUUID },
      log: laneLog(systemClock, 4),
      openStore: partition => openLevelStore(join(folder, `task-${partition}`)),
      inHand: (partition, offset) => {
        hand[handField.partition] = partition
        hand[handField.offset] = offset
      },
      post: message => {
        if (message.kind === 'stopped')
          writeFileSync(join(folder, 'cpu'), String(cpuSecondsOf('thread-self') - before))
        port.postMessage(message)
        if (message.kind === 'stopped') resolve()
      },
    })
    port.on('message', (message: ToLane) => lane.handle(message))
  })
  port.close()
}
