import { randomUUID } from 'node:crypto'
import { join } from 'node:path'
import type { MessagePort } from 'node:worker_threads'
import type { Job } from '../jobs/job.ts'
import { openLevelStore } from '../state/level-store.ts'
import { systemClock } from './clock.ts'
import type { MortalParts } from './die-at.ts'
import { handField } from './hand.ts'
import { importJob } from './job-module.ts'
import { type KafkaOptions, openKafkaLog } from './kafka-log.ts'
import { Lane } from './lane.ts'
import type { SpansMessage, ToLane } from './messages.ts'
import type { RegistryOptions } from './registry.ts'
import type { Schemas } from './schemas.ts'
import type { CacheBounds } from './state-cache.ts'
import type { TableFiles } from './tables.ts'
import type { Mode } from './task-options.ts'
import { openWitness } from './witness.ts'

/** What a lane's thread is started with. */
/** `CacheBounds`: of this lane. */
export interface WorkerSetup extends CacheBounds {
  readonly port: MessagePort
  /** URL of the module whose default export is the job. */
  readonly jobUrl: string
  readonly kafka: Pick<KafkaOptions, 'brokers' | 'clientId' | 'ssl' | 'sasl'>
  /** The stores' folder: one below it for each task. */
  readonly folder: string
  readonly mode: Mode
  readonly era: number
  readonly acceptLoss: boolean
  /** What is in the job's tables: the same for all lanes. */
  readonly tableFiles?: TableFiles | undefined
  /** Reads values with Confluent framing. */
  readonly schemaRegistry?: RegistryOptions | undefined
  /** Instead of the job's own. */
  readonly idle?: Job['idle'] | undefined
  /** One event in so many is followed; `undefined`: none is. */
  readonly traceEvery?: number | undefined
  /** Shared with the watchdog: see `handField`. */
  readonly hand: SharedArrayBuffer
}

const beatMs = 100

/**
 * The thread of one lane, run by piscina; resolves when it has been told to stop and has stopped. Without a
 * setup it has done all that it is to do: piscina has loaded this module.
 */
export default async function worker(setup: WorkerSetup | undefined): Promise<void> {
  if (setup === undefined) return
  const { port, kafka, folder, hand: shared, idle, traceEvery, ...options } = setup
  const hand = new Float64Array(shared)
  const stopBeating = systemClock.every(beatMs, () => {
    hand[handField.beats] = (hand[handField.beats] ?? 0) + 1
  })
  const defined = await jobWithTables(setup)
  const job = idle === undefined ? defined : { ...defined, idle }
  const { log, openStore } = await mortalIfAsked({
    log: openKafkaLog({ ...kafka, clock: systemClock }),
    openStore: partition => openLevelStore(join(folder, `task-${partition}`)),
  })
  const witnessOf = (partition: number) => openWitness(join(folder, `hand-${partition}`))
  const schemas = await openSchemas(setup)
  const postSpans = (spans: SpansMessage['spans']) =>
    port.postMessage({ kind: 'spans', spans } satisfies SpansMessage)
  await new Promise<void>(resolve => {
    const lane = new Lane({
      ...options,
      job,
      schemas,
      log,
      clock: systemClock,
      openStore,
      openWitness: witnessOf,
      newHistory: randomUUID,
      traces: traceEvery === undefined ? undefined : { every: traceEvery, post: postSpans },
      inHand: (partition, offset) => {
        hand[handField.partition] = partition
        hand[handField.offset] = offset
      },
      post: message => {
        port.postMessage(message)
        if (message.kind === 'stopped') resolve()
      },
    })
    port.on('message', (message: ToLane) => lane.handle(message))
  })
  stopBeating()
  port.close()
}

async function jobWithTables({ jobUrl, tableFiles }: WorkerSetup): Promise<Job> {
  const job = await importJob(jobUrl)
  if (tableFiles === undefined) return job
  const { withTables } = await import('./tables.ts')
  return (await withTables(job, tableFiles)).job
}

async function openSchemas({ schemaRegistry }: WorkerSetup): Promise<Schemas | undefined> {
  if (schemaRegistry === undefined) return undefined
  const { openSchemas: open } = await import('./schemas.ts')
  return open(schemaRegistry, systemClock)
}

/** Tests name in MILLRACE_TEST_DIE_AT a moment at which the process is to kill itself (`die-at.ts`). */
async function mortalIfAsked(parts: MortalParts): Promise<MortalParts> {
  const moment = process.env.MILLRACE_TEST_DIE_AT
  return moment === undefined ? parts : (await import('./die-at.ts')).dieAt(moment, parts)
}
