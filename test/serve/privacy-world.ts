import { join } from 'node:path'
import { createLogger } from '../../cli/logger.ts'
import { createProgram } from '../../cli/program.ts'
import { packFailed } from '../../collect/failed-event.ts'
import { partitionFor } from '../../protocol/murmur2.ts'
import { systemClock as clock } from '../../runtime/clock.ts'
import { type Sidecar, startSidecar } from '../../serve/sidecar.ts'
import { JobOnBroker, type JobSpec } from '../runtime/job-on-broker.ts'

const language = new URL('../../jobs/define-job.ts', import.meta.url).href
const source = (name: string) => `
import { after, count, defineJob } from '${language}'

export default defineJob({
  name: '${name}',
  input: '${name}-events',
  identity: true,
  features: { views: count({ of: 'Product Viewed', over: '7d', every: '1d' }) },
  triggers: { looked: after('1h', { from: 'Product Viewed' }) },
})
`

export interface Row {
  readonly features?: { readonly views: number }
}
export interface Exported {
  readonly views: { readonly features: Row }
}
export interface Receipt {
  readonly user: string
  readonly places: readonly { readonly place: string; readonly emptyBy: string | null }[]
}

/** A job with identity, its sidecar, and the commands. */
export class PrivacyWorld extends JobOnBroker {
  sidecar: Sidecar | undefined

  static async open(brokers: string): Promise<PrivacyWorld> {
    const spec: JobSpec = { brokers, name: 'privacy', partitions: 2, source }
    const place = await JobOnBroker.place(spec)
    const world = new PrivacyWorld(spec, place.name, place.folder)
    await world.prepare(spec)
    return world
  }

  async serve(): Promise<Sidecar> {
    this.sidecar = await startSidecar({
      ...{ log: this.log, topic: `${this.name}.features`, host: '127.0.0.1', port: 0, clock },
      ...{ folder: join(this.folder, 'data', 'serve', 'x', '1'), eventsTopic: this.input },
      audit: { folder: join(this.folder, 'data', 'serve', 'x', '1', 'audit'), days: 7 },
    })
    return this.sidecar
  }

  async send(event: Record<string, unknown>): Promise<void> {
    const key = String(event.userId ?? event.anonymousId)
    const value = JSON.stringify({ timestamp: clock.now(), ...event })
    const partition = partitionFor(Buffer.from(key), this.partitions)
    await this.producer.send([{ topic: this.input, partition, records: [{ key, value }] }])
  }

  /** As collect does with what it cannot take. */
  async reject(...events: Record<string, unknown>[]): Promise<void> {
    const topic = `${this.input}.rejected`
    const config = { 'cleanup.policy': 'delete', 'retention.ms': '604800000' }
    await this.log.topics.create([{ topic, partitions: 1, replication: 1, config }])
    const arrival = { source: { name: 'web', requireConsent: false }, receivedAt: clock.now() }
    const fault = { code: 'bad_type', path: '/event', reason: 'no text' } as const
    const records = events.map(event => ({ key: null, value: packFailed(fault, event, arrival) }))
    await this.producer.send([{ topic, partition: 0, records }])
  }

  async put(topic: string, key: string, value: string): Promise<void> {
    const partition = partitionFor(Buffer.from(key), this.partitions)
    await this.producer.send([{ topic, partition, records: [{ key, value }] }])
  }

  ask(path: string, method = 'GET'): Promise<Response> {
    return fetch(`${this.sidecar?.url}/v1/users/${path}`, { method })
  }

  /** What `millrace …` prints of these topics; rejects where it ends with 1. */
  run(...args: string[]): Promise<string[]> {
    return this.runAlone(...args, '--brokers', this.brokers, '--input', this.input)
  }

  async runAlone(...args: string[]): Promise<string[]> {
    const lines: string[] = []
    const logger = createLogger({ level: 'error', human: false, write: () => undefined })
    const signal = AbortSignal.timeout(60_000)
    const print = (line: string) => void lines.push(line)
    const context = { signal, clock, logger, print, logTo: () => undefined }
    const program = createProgram(
      context,
      () => undefined,
      () => undefined,
    )
    try {
      await program.parseAsync(['node', 'millrace', ...args])
    } catch (error) {
      throw new Error(`${error}\n${lines.join('\n')}`)
    }
    return lines
  }

  audit(...args: string[]): Promise<string[]> {
    return this.runAlone('audit', '--data', join(this.folder, 'data'), ...args)
  }

  verify(...args: string[]): Promise<string[]> {
    const all = ['--data', join(this.folder, 'data'), ...args]
    if (this.sidecar !== undefined) all.push('--serve', this.sidecar.url)
    return this.run('erasures', 'verify', 'anna', ...all)
  }

  override async close(): Promise<void> {
    await this.sidecar?.stop()
    await super.close()
  }
}
