import { join } from 'node:path'
import { startJobProcess } from '../runtime/process.ts'
import { noTelemetry } from '../runtime/telemetry.ts'
import { findJobModule } from './job-module.ts'
import type { StartOptions } from './start.ts'

type Options = Pick<StartOptions, 'folder' | 'logger' | 'signal' | 'onFatal'> & {
  readonly brokers: string
  readonly partitions: number
}

const CACHE_KEYS_MAX = 20_000
const CACHE_BYTES_MAX = 16 * 1024 * 1024
const HEAP_MB_MAX = 512
const SESSION_MS = 30_000
const HANG_MS_MAX = 20_000

/**
 * The two jobs behind recommendations, `products` before `pairs`, which sends to it. What they measure is left out:
 * the display shows one job. Answers what stops them.
 */
export async function startRecommendations(options: Options): Promise<() => Promise<void>> {
  const { brokers, partitions, folder, logger, signal, onFatal } = options
  const stops: (() => Promise<unknown>)[] = []
  const stop = async () => {
    for (let last = stops.pop(); last !== undefined; last = stops.pop()) await last()
  }
  try {
    for (const name of ['products', 'pairs']) {
      const job = await startJobProcess({
        ...{
          jobUrl: await findJobModule(name, process.cwd()),
          folder: join(folder.recommend, name),
          mode: 'exactly-once',
        },
        kafka: { brokers, clientId: `millrace-start-${name}` },
        ...{ lanes: 1, era: 0, acceptLoss: false, createInput: partitions, replication: 1 },
        ...{
          cacheKeysMax: CACHE_KEYS_MAX,
          cacheBytesMax: CACHE_BYTES_MAX,
          heapMbMax: HEAP_MB_MAX,
          sessionMs: SESSION_MS,
        },
        ...{ hangMsMax: HANG_MS_MAX, logger, signal, onFatal, idle: undefined },
        telemetry: async () => noTelemetry,
      })
      stops.push(() => job.stop())
    }
  } catch (error) {
    await stop()
    throw error
  }
  return stop
}
