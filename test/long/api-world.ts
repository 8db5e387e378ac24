import { randomBytes } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { sendProducts, sendRows } from '../../bench/serve-rows.ts'
import { startBroker } from '../../broker/broker.ts'
import { blocks } from '../../content/shop-blocks.ts'
import { createTokens } from '../../http/tokens.ts'
import { systemClock } from '../../runtime/clock.ts'
import { openKafkaLog } from '../../runtime/kafka-log.ts'
import { startSidecar } from '../../serve/sidecar.ts'

const silent = { info: () => undefined, warn: () => undefined, error: () => undefined }

export interface ApiWorld {
  readonly url: string
  /** What was answered with 500, and why. */
  readonly failures: readonly string[]
  close(): Promise<void>
}

/** A sidecar with rows of everything, and a broker that takes what it writes. */
export async function openApiWorld(): Promise<ApiWorld> {
  const folder = await mkdtemp(join(tmpdir(), 'millrace-contract-'))
  const broker = await startBroker({ folder: join(folder, 'broker') })
  const { address: brokers } = broker
  const log = openKafkaLog({ brokers, clientId: 'contract', clock: systemClock })
  const topics = ['email.features', 'products.features', 'products', 'events']
  const spec = { partitions: 4, replication: 1, config: { 'cleanup.policy': 'compact' } }
  await log.topics.create(topics.map(topic => ({ topic, ...spec })))
  await sendProducts(log, 'products.features', 'products')
  const producer = log.producer()
  const numbers = Array.from({ length: 200 }, (_, at) => at)
  await sendRows(producer, 'email.features', numbers, 1, systemClock)
  await producer.close()

  const key = { id: 7, secret: randomBytes(32), signsFrom: 0 }
  const failures: string[] = []
  const sidecar = await startSidecar({
    ...{ log, clock: systemClock, blocks, host: '127.0.0.1', port: 0 },
    ...{ topic: 'email.features', products: 'products.features', catalogue: 'products' },
    folder: join(folder, 'serve'),
    tokens: createTokens({ signing: () => key, find: () => key }),
    audit: { folder: join(folder, 'audit'), days: 9 },
    logger: {
      ...silent,
      error: ({ error, route }: { error?: unknown; route?: string }) =>
        void failures.push(`${route}: ${error instanceof Error ? error.stack : error}`),
    },
  })
  for (let tries = 0; !sidecar.ready().ready; tries++) {
    if (tries > 600) throw new Error(`not ready: ${sidecar.ready().reasons}`)
    await systemClock.sleep(50)
  }
  return {
    url: sidecar.url,
    failures,
    async close() {
      await sidecar.stop()
      await log.close()
      await broker.close()
      await rm(folder, { recursive: true, force: true })
    },
  }
}
