import { join } from 'node:path'
import type { KeptBy } from '../../collect/producing-sink.ts'
import type { Sink, SinkRecord } from '../../collect/sink.ts'
import { partitionFor } from '../../protocol/murmur2.ts'
import { systemClock } from '../../runtime/clock.ts'
import type { Log } from '../../runtime/log.ts'
import { assert } from '../harness.ts'
import { FaultyLog } from './faulty-log.ts'
import { countingTelemetry, openTestSink, recordsOf } from './sink-world.ts'
import { spoolFiles } from './spool-world.ts'

/** Puts to one topic by way of a sink with faults, and knows what was answered. */
export class SinkFaultWorld {
  readonly topic: string
  readonly faulty: FaultyLog
  readonly folder: string
  readonly keys = 8
  /** Of each key the values whose put resolved, in the order of the puts. */
  readonly #safe = new Map<string, string[]>()
  readonly #log: Log
  readonly #keptBy: KeptBy
  #telemetry = countingTelemetry()
  #next = 0

  constructor(log: Log, topic: string, folder: string, keptBy: KeptBy) {
    this.#keptBy = keptBy
    this.#log = log
    this.faulty = new FaultyLog(log)
    this.topic = topic
    this.folder = folder
  }

  /** Resolves when what is put goes straight to the brokers. */
  async open(options: Parameters<typeof openTestSink>[3] = {}): Promise<Sink> {
    const telemetry = countingTelemetry()
    this.#telemetry = telemetry
    const given = { keptBy: this.#keptBy, ...options, telemetry }
    const sink = await openTestSink(this.faulty, this.topic, this.folder, given)
    while (!telemetry.counts.has('millrace_collect_produced_records')) {
      await sink.put([this.record('first', 'first')])
      await systemClock.sleep(5)
    }
    return sink
  }

  record(value: string, key = 'other'): SinkRecord {
    return { topic: this.topic, key, value: Buffer.from(value) }
  }

  /** Of each key so many, one after the other; the keys at once. Rejects when one is refused. */
  async put(sink: Sink, each: number): Promise<void> {
    const keys = Array.from({ length: this.keys }, (_, index) => `user-${index}`)
    await Promise.all(
      keys.map(async key => {
        for (let count = 0; count < each; count++) {
          const value = `${this.#next++}`.padStart(50, '.')
          await sink.put([this.record(value, key)])
          this.#safe.set(key, [...(this.#safe.get(key) ?? []), value])
        }
      }),
    )
  }

  /** Whether there is anything in the spool of what was opened last. */
  spools(): boolean {
    return this.#telemetry.gauges.get('millrace_collect_spool_records')?.() !== 0
  }

  /** How many records were spooled because the brokers did not take them. */
  get spooled(): number {
    return this.#telemetry.counts.get('millrace_collect_spooled_records') ?? 0
  }

  found() {
    return recordsOf(this.#log, this.topic)
  }

  /** Every record that was safe is on the topic, at most so often; of a key, all in its partition, and the first of each in order. */
  async checkAll({ timesMax }: { timesMax: number }): Promise<void> {
    this.faulty.recordsMax = Number.POSITIVE_INFINITY
    const sink = await openTestSink(this.faulty, this.topic, this.folder)
    while ((await spoolFiles(join(this.folder, 'spool'))).length > 0) await systemClock.sleep(20)
    await sink.close()
    const found = await this.found()
    for (const [key, safe] of this.#safe) {
      const own = found.filter(each => each.key === key)
      const partition = partitionFor(Buffer.from(key), 4)
      assert.ok(
        own.every(each => each.partition === partition),
        `${key} is elsewhere, too`,
      )
      const values = own.map(each => each.value ?? '')
      const once = [...new Set(values)]
      assert.equal(
        once.filter(value => safe.includes(value)),
        safe,
      )
      for (const value of once)
        assert.ok(values.filter(each => each === value).length <= timesMax, `${value} of ${key}`)
    }
  }
}
