import { join } from 'node:path'
import { type ReplayedEvent, replay } from '../../cli/replay.ts'
import { systemClock } from '../../runtime/clock.ts'
import { assert } from '../harness.ts'
import { MillraceProcess } from '../harness-process.ts'
import { JobOnBroker } from '../runtime/job-on-broker.ts'
import { assertSameFeatures } from './compare.ts'
import { retailEvents } from './events.ts'
import { retailOracle } from './oracle.ts'
import { readOutputs } from './outputs.ts'

/** How a process of the job is started. */
export interface Life {
  readonly brokers?: string
  /** Its data folder. */
  readonly home?: string
  /** As MILLRACE_TEST_DIE_AT says it (`runtime/die-at.ts`). */
  readonly dieAt?: string
  readonly lanes?: number
}

export interface RetailProof {
  readonly customers: number
  readonly rows: number
}

const STALL_MS = 60_000
const retailJob = new URL('../../jobs/retail.ts', import.meta.url).href

/** jobs/retail.ts under a name of its own, and the lines of a CSV, sent part by part; DuckDB says what is right. */
export class RetailWorld extends JobOnBroker {
  #csv = ''
  #events: readonly ReplayedEvent[] = []
  #sent = 0

  /** @param csv a retail CSV, gzipped */
  static async open(brokers: string, csv: string): Promise<RetailWorld> {
    const source = (name: string) =>
      `import job from '${retailJob}'\nexport default { ...job, name: '${name}', input: '${name}-events' }\n`
    const spec = { brokers, name: 'retail', partitions: 4, source }
    const place = await JobOnBroker.place(spec)
    const world = new RetailWorld(spec, place.name, place.folder)
    await world.prepare(spec)
    const events: ReplayedEvent[] = []
    for await (const event of retailEvents(csv)) events.push(event)
    world.#csv = csv
    world.#events = events
    return world
  }

  /** Lines of the CSV. */
  get lines(): number {
    return this.#events.length
  }

  get sent(): number {
    return this.#sent
  }

  /** Sends the next lines at once, fewer where the file ends. */
  async send(count: number): Promise<void> {
    const some = this.#events.slice(this.#sent, this.#sent + Math.round(count))
    await replay(some, { producer: this.producer, topic: this.input, partitions: this.partitions })
    this.#sent += some.length
  }

  /** Sends the next lines in sixty pieces, with a pause after each for as long as `slowly` says so. */
  async trickle(count: number, slowly: () => boolean): Promise<void> {
    const from = this.#sent
    for (let piece = 1; piece <= 60; piece++) {
      await this.send(from + Math.round((count * piece) / 60) - this.#sent)
      if (slowly()) await systemClock.sleep(50)
    }
  }

  /** Sends the next lines: fewer and fewer for as long as `work` takes, so that some are left, then the rest at once. */
  async during<Result>(count: number, work: () => Promise<Result>): Promise<Result> {
    const end = Math.round(this.#sent + count)
    let working = true
    const result = work().finally(() => {
      working = false
    })
    result.catch(() => undefined) // told below, when nothing is being sent any more
    while (working && this.#sent < end) {
      await this.send(Math.ceil((end - this.#sent) / 100))
      await systemClock.sleep(20)
    }
    await this.send(end - this.#sent)
    return await result
  }

  /** Sends the next lines, a part after the other, until `act` comes while some of a part is committed and some not. */
  async atWork(count: number, act: () => void, undo: () => void): Promise<void> {
    const parts = 8
    for (let part = 1; part <= parts; part++) {
      const before = await this.committedSum()
      await this.send(Math.floor(count / parts))
      await this.until(async () => (await this.committedSum()) > before, 'it is at work')
      act()
      if ((await this.lag()) > 0) return
      undo()
    }
    throw new Error(`it had done all that there was, ${parts} times`)
  }

  /** The job in a process of its own, to be killed. */
  run({
    brokers = this.brokers,
    home = this.home(),
    dieAt,
    lanes = 2,
  }: Life = {}): MillraceProcess {
    const flags = ['--brokers', brokers, '--data', home, '--port', '0', '--session-ms', '6000']
    flags.push('--lanes', String(lanes))
    const environment = dieAt === undefined ? {} : { MILLRACE_TEST_DIE_AT: dieAt }
    return new MillraceProcess(['run', this.jobPath, ...flags], environment)
  }

  /** A data folder of a process, by its name. */
  home(name = 'data'): string {
    return join(this.folder, name)
  }

  async committedSum(): Promise<number> {
    return (await this.committed()).reduce((sum, next) => sum + next, 0)
  }

  /** Resolves when so many lines are committed; rejects when none is for a minute, or the process ends. */
  async hasCommitted(wanted: number, child?: MillraceProcess): Promise<void> {
    let seen = -1
    let seenAt = systemClock.elapsed()
    for (;;) {
      const done = await this.committedSum()
      if (done >= wanted) return
      child?.assertRunning()
      if (done > seen) {
        seen = done
        seenAt = systemClock.elapsed()
      } else if (systemClock.elapsed() - seenAt > STALL_MS) {
        const told = child?.output ?? this.logged.slice(-20).join('\n')
        throw new Error(`stuck at ${done} of ${wanted} lines for ${STALL_MS} ms:\n${told}`)
      }
      await systemClock.sleep(5)
    }
  }

  /**
   * Rejects unless the outputs say what DuckDB says of the lines sent so far: every field of every customer, one
   * dead letter for each line without a customer, one `firstOrder` for each buyer, versions that only grow.
   */
  async assertExact(child?: MillraceProcess): Promise<RetailProof> {
    await this.hasCommitted(this.#sent, child)
    const expected = await retailOracle(this.#csv, this.#sent)
    const outputs = await readOutputs(this.log, this.name)
    // First, since an event that is dead is missing in the features.
    assert.equal([...outputs.dead], [['no_user', expected.linesWithoutCustomer]])
    assertSameFeatures(expected.features, outputs.features)
    assert.equal(outputs.deadTwice, [])
    assert.equal(outputs.versionsNotGrowing.slice(0, 10), [])
    const buyers = Array.from(expected.features).filter(([, { orders }]) => orders > 0)
    const fired = outputs.triggers.get('firstOrder') ?? new Map<string, number>()
    assert.equal([...fired.keys()].sort(), buyers.map(([customer]) => customer).sort())
    assert.equal(
      [...fired].filter(([, times]) => times !== 1),
      [],
    )
    return { customers: expected.features.size, rows: outputs.rows }
  }
}
