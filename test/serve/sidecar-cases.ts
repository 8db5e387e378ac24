import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { systemClock } from '../../runtime/clock.ts'
import { openKafkaLog } from '../../runtime/kafka-log.ts'
import type { Log } from '../../runtime/log.ts'
import { noTelemetry, type Telemetry } from '../../runtime/telemetry.ts'
import { type Sidecar, startSidecar } from '../../serve/sidecar.ts'
import { unique } from '../conformance/log-world.ts'
import { assert, type suite } from '../harness.ts'

/** The sidecar on a real broker, over TCP: what it must do on each of them. */
export function sidecarCases(test: ReturnType<typeof suite>, brokers: () => string): void {
  test('rows of committed transactions are answered, those of aborted ones never', () =>
    inWorld(brokers(), async world => {
      await world.commit([row('anna', 1), row('bert', 2)])
      await world.abort([row('anna', 3), row('cleo', 4)])
      await world.start()
      await world.untilReady() // the last records of the topic are markers that nobody is shown
      assert.is(await world.orders('anna'), 1)
      assert.is(await world.orders('bert'), 2)
      assert.is(await world.orders('cleo'), 404)
      await world.commit([row('anna', 5), { key: 'bert', value: null }])
      await world.until(async () => (await world.orders('anna')) === 5)
      assert.is(await world.orders('bert'), 404)
    }))

  test('a restart reads only what is new', () =>
    inWorld(brokers(), async world => {
      const many = Array.from({ length: 500 }, (_, n) => row(`user ${n}`, n))
      await world.commit(many)
      await world.start()
      await world.untilReady()
      assert.is(world.applied, 500)
      await world.stop()
      await world.commit([row('user 7', 900), row('user 8', 901)])
      await world.start()
      await world.untilReady()
      assert.is(world.applied, 502)
      assert.is(await world.orders('user 7'), 900)
      assert.is(await world.orders('user 499'), 499)
    }))

  test('caught up and quiet, an answer is live and young', () =>
    inWorld(brokers(), async world => {
      await world.commit([row('anna', 1)])
      await world.start()
      await world.untilReady()
      for (let times = 0; times < 10; times++) {
        await systemClock.sleep(50)
        const answer = await world.ask('anna')
        assert.is(answer.body.source, 'live')
        assert.ok(answer.body.ageMs < 2_000, `${answer.body.ageMs} ms`)
      }
    }))
}

export function row(key: string, orders: number): { key: string; value: string } {
  const features = { orders }
  const content = { key, version: [orders, 0], asOf: 1_700_000_000_000, features, segments: [] }
  return { key, value: JSON.stringify(content) }
}

interface Answer {
  readonly status: number
  readonly body: {
    readonly features: { readonly orders: number }
    readonly source: string
    readonly ageMs: number
  }
}

/** A topic of its own, a writer, and a sidecar with its folder. */
export class SidecarWorld {
  readonly topic = unique('serve.features')
  /** Rows that sidecars took from the topic, over all restarts. */
  applied = 0
  readonly #log: Log
  readonly #folder: string
  readonly #options: { readonly staleMs?: number }
  #sidecar: Sidecar | undefined

  constructor(log: Log, folder: string, options: { readonly staleMs?: number }) {
    this.#log = log
    this.#folder = folder
    this.#options = options
  }

  async create(): Promise<void> {
    const config = { 'cleanup.policy': 'compact' }
    await this.#log.topics.create([{ topic: this.topic, partitions: 2, replication: 1, config }])
  }

  commit(records: readonly { key: string; value: string | null }[]): Promise<void> {
    return this.#transaction(records, 'commit')
  }

  abort(records: readonly { key: string; value: string | null }[]): Promise<void> {
    return this.#transaction(records, 'abort')
  }

  async start(): Promise<void> {
    const telemetry: Telemetry = {
      ...noTelemetry,
      add: (name: string, amount: number, ..._labels: unknown[]) => {
        if (name === 'millrace_view_rows_applied') this.applied += amount
      },
    }
    this.#sidecar = await startSidecar({
      log: this.#log,
      topic: this.topic,
      folder: this.#folder,
      host: '127.0.0.1',
      port: 0,
      clock: systemClock,
      telemetry,
      ...this.#options,
    })
  }

  async stop(): Promise<void> {
    await this.#sidecar?.stop()
    this.#sidecar = undefined
  }

  async close(): Promise<void> {
    await this.stop()
    await this.#log.close()
    await rm(this.#folder, { recursive: true, force: true })
  }

  async ask(user: string): Promise<Answer> {
    const path = `/v1/users/${encodeURIComponent(user)}/features`
    const response = await fetch(`${this.#sidecar?.url}${path}`)
    return { status: response.status, body: (await response.json()) as Answer['body'] }
  }

  /** The user's orders, or the status where there are none. */
  async orders(user: string): Promise<number> {
    const { status, body } = await this.ask(user)
    return status === 200 ? body.features.orders : status
  }

  get ready(): boolean {
    return this.#sidecar?.ready().ready ?? false
  }

  untilReady(): Promise<void> {
    return this.until(async () => this.ready)
  }

  async until(done: () => Promise<boolean>): Promise<void> {
    for (let tries = 0; tries < 1_000; tries++) {
      if (await done()) return
      await systemClock.sleep(20)
    }
    throw new Error(`not within 20 s; not ready because: ${this.#sidecar?.ready().reasons}`)
  }

  async #transaction(
    records: readonly { key: string; value: string | null }[],
    end: 'commit' | 'abort',
  ): Promise<void> {
    const transactionalId = unique('serve')
    const transactor = this.#log.transactor({ transactionalId, timeoutMs: 30_000 })
    try {
      await transactor.fence()
      const transaction = transactor.begin()
      const partitions = [0, 1].map(partition => ({
        topic: this.topic,
        partition,
        records: records.filter(({ key }) => partitionOf(key) === partition),
      }))
      await transaction.send(partitions.filter(({ records }) => records.length > 0))
      await transaction[end]()
    } finally {
      await transactor.close()
    }
  }
}

export async function inWorld(
  brokers: string,
  body: (world: SidecarWorld) => Promise<void>,
  options: { readonly staleMs?: number } = {},
): Promise<void> {
  const log = openKafkaLog({ brokers, clientId: 'serve-test', clock: systemClock })
  const folder = await mkdtemp(join(tmpdir(), 'millrace-sidecar-'))
  const world = new SidecarWorld(log, folder, options)
  try {
    await world.create()
    await body(world)
  } finally {
    await world.close()
  }
}

/** Any partition does, as long as a key stays in its own. */
function partitionOf(key: string): number {
  return (key.codePointAt(key.length - 1) ?? 0) % 2
}
