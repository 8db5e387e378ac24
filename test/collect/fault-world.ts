import { decode } from 'msgpackr'
import { sendPaced } from '../../bench/paced-client.ts'
import { topicRecords } from '../../cli/topic-records.ts'
import { systemClock } from '../../runtime/clock.ts'
import { openKafkaLog } from '../../runtime/kafka-log.ts'
import { assert } from '../harness.ts'
import { freePort, MillraceProcess } from '../harness-process.ts'

export interface FaultLoad {
  /** Single events a second, over keep-alive. */
  readonly singles: number
  /** Requests a second with batches of 100 events. */
  readonly batches: number
}

const BATCH = 100
/** Each answer takes some 15 ms: with fewer, 10,000 requests a second would wait for a connection. */
const CONNECTIONS = 256
const DRAINED_MS_MAX = 240_000

/** A `millrace collect` process under load, and what became of each event. Events are sent once, come what may. */
export class FaultWorld {
  readonly #brokers: string
  readonly #folder: string
  readonly #topic: string
  #port = 0
  #collect: MillraceProcess | undefined
  readonly #stop = new AbortController()
  readonly #loads: Promise<unknown>[] = []
  /** Events answered 200. */
  readonly #safe = new Set<string>()
  readonly statuses = new Map<number | undefined, number>()

  readonly #flags: readonly string[]

  /** `flags`: further ones of `millrace collect`. */
  constructor(brokers: string, folder: string, topic: string, flags: readonly string[] = []) {
    this.#flags = flags
    this.#brokers = brokers
    this.#folder = folder
    this.#topic = topic
  }

  get safe(): number {
    return this.#safe.size
  }

  async startCollect(): Promise<void> {
    if (this.#port === 0) this.#port = await freePort()
    const collect = new MillraceProcess([
      ...['collect', '--brokers', this.#brokers, '--port', String(this.#port)],
      ...['--data', this.#folder, '--topic', this.#topic, '--create-topics', ...this.#flags],
    ])
    this.#collect = collect
    await collect.printed(/\/v1\/track/)
  }

  killCollect(): Promise<void> {
    return this.#collect?.kill() ?? Promise.resolve()
  }

  startLoad({ singles, batches }: FaultLoad): void {
    const event = (id: string) =>
      `{"type":"track","event":"Product Viewed","messageId":"${id}","userId":"user-${id.slice(-4)}","properties":{"product_id":"sku-${id}"}}`
    const idsOf = (request: number) =>
      Array.from({ length: BATCH }, (_, index) => `b-${request}-${index}`)
    if (singles > 0)
      this.#load(
        '/v1/track',
        singles,
        request => event(`s-${request}`),
        request => [`s-${request}`],
      )
    if (batches > 0)
      this.#load('/v1/batch', batches, of => `{"batch":[${idsOf(of).map(event).join()}]}`, idsOf)
  }

  /** Waits for the answers to what is under way. */
  async stopLoad(): Promise<void> {
    this.#stop.abort()
    await Promise.all(this.#loads)
  }

  /** Resolves once so many more events were answered 200. */
  async hasSafe(more: number): Promise<void> {
    const wanted = this.#safe.size + more
    while (this.#safe.size < wanted) {
      this.#collect?.assertRunning()
      await systemClock.sleep(10)
    }
  }

  /** Resolves when there is something in the spool because the brokers did not take it. */
  async spools(): Promise<void> {
    while (!/^millrace_collect_spooled_records_total [1-9]/m.test(await this.#metrics()))
      await systemClock.sleep(10)
  }

  /** Resolves when the spool is empty. */
  async drained(): Promise<void> {
    const deadline = systemClock.elapsed() + DRAINED_MS_MAX
    while (!/^millrace_collect_spool_records 0$/m.test(await this.#metrics())) {
      if (systemClock.elapsed() > deadline) throw new Error('the spool was not drained in time')
      await systemClock.sleep(50)
    }
  }

  async #metrics(): Promise<string> {
    this.#collect?.assertRunning()
    return (await fetch(`http://127.0.0.1:${this.#port}/metrics`)).text()
  }

  async stopCollect(): Promise<void> {
    await this.#collect?.stop()
  }

  /**
   * Every event that was answered 200 is on the topic, and no event is there more often than this; answers how many
   * are there more than once. Events that were not answered may be there, or not.
   */
  async check(timesMax: number): Promise<{ readonly doubled: number; readonly found: number }> {
    const clientId = 'fault-world'
    const log = openKafkaLog({ brokers: this.#brokers, clientId, clock: systemClock })
    const times = new Map<string, number>()
    try {
      for await (const { value } of topicRecords(log, this.#topic)) {
        const { messageId } = decode(value ?? Buffer.alloc(0))
        times.set(messageId, (times.get(messageId) ?? 0) + 1)
      }
    } finally {
      await log.close()
    }
    const lost = [...this.#safe].filter(id => !times.has(id))
    assert.equal(lost.slice(0, 5), [], `${lost.length} events were answered 200 and are not there`)
    let doubled = 0
    for (const [id, count] of times) {
      assert.ok(count <= timesMax, `${id} is there ${count} times`)
      if (count > 1) doubled++
    }
    return { doubled, found: times.size }
  }

  #load(
    path: string,
    perSecond: number,
    body: (request: number) => string,
    idsOf: (request: number) => readonly string[],
  ): void {
    const headers = {
      authorization: `Basic ${btoa('dev:')}`,
      'content-type': 'application/json',
    }
    const load = sendPaced({
      ...{ host: '127.0.0.1', port: this.#port, path, headers, perSecond, body },
      connections: CONNECTIONS,
      signal: this.#stop.signal,
      answered: (request, status) => {
        this.statuses.set(status, (this.statuses.get(status) ?? 0) + 1)
        if (status === 200) for (const id of idsOf(request)) this.#safe.add(id)
      },
    })
    this.#loads.push(load)
  }
}
