import type { Job } from '../../jobs/job.ts'
import { parseErasure } from '../../runtime/erased.ts'
import { outputTopics } from '../../runtime/outputs.ts'
import type { Mode } from '../../runtime/task-options.ts'
import { checkRekeyed } from './check-rekeyed.ts'
import { checkRows } from './check-rows.ts'
import { checkStates } from './check-states.ts'
import { type Expected, erasedId, triggerId } from './expected.ts'
import { naiveModel, recordId, timerId } from './naive-model.ts'
import { progressOf, type Upheaval } from './progress-of.ts'
import type { SimCluster } from './sim-cluster.ts'
import { TIMER_MS } from './sim-job.ts'
import type { StoredRecord } from './sim-partition.ts'

export interface CheckOptions {
  /**
   * `exact`: time is the events' alone (`idle: 'hold'`), so every row and trigger is known beforehand.
   * `wall-clock`: ticks come when they come; what depends on timers is only checked for coming once.
   */
  readonly time: 'exact' | 'wall-clock'
  /** Mode at-least-once may repeat rows and triggers, also older ones; a reader takes the newest version. */
  readonly mode: Mode
  /** Features that no timer touches: compared in both cases. */
  readonly timeless: readonly string[]
  /** Whether deaths of the process may have dead-lettered the record that was in hand. */
  readonly deaths: boolean
  readonly upheaval: Upheaval
}

/** Of the triggers of `simJob`, what a timer sends and no event. */
const TIMER_TRIGGER = 'silent '

/**
 * Reads all outputs as a read_committed reader does, and answers every breach of what must always hold
 * (DESIGN.md), as sentences; none when all is well. For use when all input is done.
 */
export function checkOutputs(
  cluster: SimCluster,
  job: Job<unknown>,
  options: CheckOptions,
): string[] {
  const partitions = cluster.partitions(job.input)
  return partitions.flatMap((_, partition) =>
    new PartitionCheck(cluster, job, options, partition, partitions.length).run(),
  )
}

class PartitionCheck {
  private readonly problems: string[] = []
  private readonly topics: ReturnType<typeof outputTopics>
  private readonly expected: Expected
  private readonly dead: readonly StoredRecord[]
  private readonly cluster: SimCluster
  private readonly options: CheckOptions
  private readonly exact: boolean
  /** What went out early came from records that were passed over afterwards: only the end has a twin. */
  private readonly endOnly: boolean
  private readonly partition: number
  private readonly job: Job<unknown>

  constructor(
    cluster: SimCluster,
    job: Job<unknown>,
    options: CheckOptions,
    partition: number,
    partitions: number,
  ) {
    this.cluster = cluster
    this.options = options
    this.exact = options.time === 'exact'
    this.partition = partition
    this.job = job
    this.topics = outputTopics(job.name)
    this.dead = this.output('dead')
    const killed = this.dead.filter(({ headers }) => isKill(headers))
    const skipped = new Set(
      killed.map(({ key, headers: { timer, offset, time } }) =>
        timer === undefined
          ? recordId(Number(offset), Number(time))
          : timerId(String(key), { name: timer, time: Number(time) }),
      ),
    )
    if (killed.length > 0 && !options.deaths)
      this.problem('records are called killers, and nothing died')
    this.endOnly = options.mode === 'at-least-once' && skipped.size > 0
    const progress = progressOf(cluster, job.input, partition, options.upheaval)
    this.problems.push(...progress.problems)
    this.expected = naiveModel({ partition, partitions }, progress.takes, skipped)
    const watermark = progress.last?.watermark
    if (this.exact && watermark !== this.expected.watermark)
      this.problem(`the watermark is ${watermark}, expected ${this.expected.watermark}`)
    const changelog = this.output('changelog')
    for (const each of checkStates(changelog, this.expected, job, options)) this.problem(each)
  }

  run(): string[] {
    const { exact, endOnly, options, expected, partition } = this
    const rows = checkRows(this.output('features'), expected, { ...options, exact, endOnly })
    for (const each of rows) this.problem(each)
    for (const each of checkRekeyed(this.cluster, this.job, partition, expected)) this.problem(each)
    this.checkTriggers()
    this.checkLate()
    this.checkDead()
    this.checkErased()
    return this.problems
  }

  private checkTriggers(): void {
    const found = this.output('triggers').map(({ value }) => JSON.parse(String(value)))
    const every = found.map(({ trigger, key, time, reason }) =>
      triggerId(trigger, key, time, reason),
    )
    const repeats = this.options.mode === 'at-least-once'
    const asTold = (ids: readonly string[]) => (repeats ? [...new Set(ids)] : ids)
    if (!repeats) {
      this.once(
        'trigger id',
        found.map(({ id }) => String(id)),
      )
    }
    const byTimer = (id: string) => id.startsWith(TIMER_TRIGGER)
    const byEvent = (id: string) => !byTimer(id)
    const expected = asTold(this.expected.triggers)
    const isExpected = new Set(expected)
    const ids = asTold(every).filter(id => !this.endOnly || isExpected.has(id))
    if (this.exact) this.same('trigger', ids, expected)
    else {
      this.notTooOften('trigger', ids.filter(byTimer), id => {
        const [, key, time] = id.split(' ')
        return `${key} ${Number(time) - TIMER_MS.silent}`
      })
      this.same('trigger', ids.filter(byEvent), expected.filter(byEvent))
    }
  }

  private checkLate(): void {
    const found = this.output('late').map(({ headers }) => String(headers.offset))
    this.same('late record', found, this.expected.late)
  }

  private checkDead(): void {
    const records = this.dead.filter(({ headers }) => headers.timer === undefined)
    this.once(
      'dead record',
      records.map(({ headers }) => `${headers.offset}@${headers.time}`),
    )
    const found = records
      .filter(({ headers }) => !isKill(headers))
      .map(({ headers }) => `${headers.offset} ${headers['error-code']}`)
    const timers = this.dead
      .filter(({ headers }) => headers.timer !== undefined && !isKill(headers))
      .map(({ key, headers }) => `${key} ${headers.timer} ${headers.time} ${headers['error-code']}`)
    const ofTimers = (each: string) => each.split(' ').length === 4
    const killed = this.dead.filter(({ headers }) => headers.timer !== undefined && isKill(headers))
    this.once(
      'killing timer',
      killed.map(({ key, headers }) => `${key} ${headers.timer} ${headers.time}`),
    )
    const expected = this.expected.dead
    this.same(
      'dead record',
      found,
      expected.filter(each => !ofTimers(each)),
    )
    if (this.exact) this.same('dead timer', timers, expected.filter(ofTimers))
    else {
      this.notTooOften('dead timer', timers, each => {
        const [key, , time] = each.split(' ')
        return `${key} ${Number(time) - TIMER_MS.bomb}`
      })
    }
  }

  /** Every erasure stands there once, in the order of what asked for them. */
  private checkErased(): void {
    const found = this.output('erased').map(({ key, value }) => {
      const { era, offset } = parseErasure(String(value)) ?? {}
      return erasedId(String(key), Number(era), Number(offset))
    })
    const { erased } = this.expected
    if (found.join() !== erased.join())
      this.problem(`erased are ${found.join()}, expected ${erased.join()}`)
  }

  private output(
    topic: 'erased' | 'features' | 'triggers' | 'late' | 'dead' | 'changelog',
  ): StoredRecord[] {
    return this.cluster.partition(this.topics[topic], this.partition).everCommitted()
  }

  /** The same, in any order, each as often. */
  private same(what: string, found: readonly string[], expected: readonly string[]): void {
    const left = counted(expected)
    for (const each of found) left.set(each, (left.get(each) ?? 0) - 1)
    for (const [each, count] of left) {
      if (count > 0) this.problem(`${what} ${each} is missing${count > 1 ? ` ${count} times` : ''}`)
      if (count < 0) this.problem(`${what} ${each} is there ${-count} times too often`)
    }
  }

  private once(what: string, found: readonly string[]): void {
    for (const [each, count] of counted(found)) {
      if (count > 1) this.problem(`${what} ${each} is there ${count} times`)
    }
  }

  /** What a timer sends comes at most once for each event that set it, `eventOf` tells `<key> <event time>`. */
  private notTooOften(
    what: string,
    found: readonly string[],
    eventOf: (each: string) => string,
  ): void {
    const events = counted(this.expected.absorbed)
    for (const [each, count] of counted(found)) {
      const max = events.get(eventOf(each)) ?? 0
      if (count > max) this.problem(`${what} ${each} is there ${count} times, expected ${max}`)
    }
  }

  private problem(what: string): void {
    this.problems.push(`partition ${this.partition}: ${what}`)
  }
}

const isKill = (headers: StoredRecord['headers']): boolean =>
  headers['error-code']?.startsWith('kills_') === true

function counted(values: readonly string[]): Map<string, number> {
  const counts = new Map<string, number>()
  for (const value of values) counts.set(value, (counts.get(value) ?? 0) + 1)
  return counts
}
