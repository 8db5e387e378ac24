import { LogError } from '../../runtime/log.ts'
import type { AwaitPoint, FaultKind, FaultPlan } from './faults.ts'
import type { Random } from './random.ts'
import type { Scheduler } from './scheduler.ts'
import type { SimProcess } from './sim-process.ts'

/** Faults that strike something else than the call itself: the cluster's and the process's part. */
export type Disturb = (kind: FaultKind, process: SimProcess, subject: string) => void

export interface Call<T> {
  readonly process: SimProcess
  readonly point: AwaitPoint
  /** What is called upon, for `disturb`: a transactional id, a group, a topic. */
  readonly subject: string
  /** What the broker does when the request arrives; some faults are the callee's to play. */
  readonly effect: (fault: FaultKind | undefined) => T | Promise<T>
}

const LATENCY_MS = { low: 0.2, high: 4 }
const SLOW_MS_MAX = 3_000
/** kafkajs gives up on an answer after 30 s. */
const GIVE_UP_MS = 30_000
const FREEZE_MS_MAX = 60_000
/** One freeze in three is long enough for the group and the transactions to go on without the process. */
const FREEZE_SHORT_MS_MAX = 2_000

/** Carries each request to the broker and its answer back, at seeded times, with the plan's faults. */
export class Network {
  private readonly scheduler: Scheduler
  private readonly random: Random
  private readonly plan: FaultPlan
  private readonly disturb: Disturb

  constructor(scheduler: Scheduler, random: Random, plan: FaultPlan, disturb: Disturb) {
    this.scheduler = scheduler
    this.random = random
    this.plan = plan
    this.disturb = disturb
  }

  call<T>(call: Call<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      if (call.process.killed) return
      this.carry(call, resolve, reject)
    })
  }

  private carry<T>(
    { process, point, subject, effect }: Call<T>,
    resolve: (value: T) => void,
    reject: (error: unknown) => void,
  ): void {
    const fault = this.plan.draw(point)
    const fail = (code: 'ambiguous' | 'unreachable', afterMs: number) =>
      this.scheduler.after(afterMs, () =>
        process.deliver(() => reject(new LogError(code, `${fault} at ${point} of ${subject}`))),
      )
    let requestMs = this.latency()
    let answerMs = this.latency()
    let heard = true

    switch (fault) {
      case 'request-lost':
        fail('ambiguous', this.random.between(1, GIVE_UP_MS))
        return
      case 'unreachable':
        fail('unreachable', this.random.between(1, 1_000))
        return
      case 'request-late':
        requestMs = this.random.between(1, GIVE_UP_MS)
        fail('ambiguous', this.random.below(requestMs))
        heard = false
        break
      case 'answer-lost':
        fail('ambiguous', requestMs + this.random.between(1, GIVE_UP_MS))
        heard = false
        break
      case 'slow-request':
        requestMs += this.random.below(SLOW_MS_MAX)
        break
      case 'slow-answer':
        answerMs += this.random.below(SLOW_MS_MAX)
        break
      case 'crash-before':
        this.scheduler.after(requestMs, () => this.disturb(fault, process, subject))
        return
      case 'freeze-before': {
        const frozenMs = this.freezeMs()
        requestMs += frozenMs
        // Deferred: what the process does now, before it next waits, it has done before it stands still.
        this.scheduler.after(0, () => process.freeze(frozenMs))
        break
      }
    }

    this.scheduler.after(requestMs, async () => {
      // What a process sent just before its death may still be on the wire.
      if (process.killed && this.random.chance(0.5)) return
      if (fault !== undefined && disturbsBefore.has(fault)) this.disturb(fault, process, subject)
      const settle = await outcome(() => effect(fault), resolve, reject)
      if (!heard) return
      if (fault === 'crash-after') return this.disturb(fault, process, subject)
      if (fault === 'freeze-after') process.freeze(this.freezeMs())
      this.scheduler.after(answerMs, () => process.deliver(settle))
    })
  }

  private latency(): number {
    return LATENCY_MS.low + this.random.unit() * (LATENCY_MS.high - LATENCY_MS.low)
  }

  private freezeMs(): number {
    return this.random.chance(1 / 3)
      ? this.random.between(FREEZE_SHORT_MS_MAX, FREEZE_MS_MAX)
      : this.random.between(1, FREEZE_SHORT_MS_MAX)
  }
}

const disturbsBefore: ReadonlySet<FaultKind> = new Set([
  'rebalance',
  'transaction-timeout',
  'stolen',
  'compaction',
  'clock-jump',
  'lane-crash',
])

async function outcome<T>(
  effect: () => T | Promise<T>,
  resolve: (value: T) => void,
  reject: (error: unknown) => void,
): Promise<() => void> {
  try {
    const value = await effect()
    return () => resolve(value)
  } catch (error) {
    return () => reject(error)
  }
}
