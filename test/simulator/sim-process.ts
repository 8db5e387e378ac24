import type { Clock } from '../../runtime/clock.ts'
import type { Scheduler } from './scheduler.ts'

/**
 * One operating-system process of the simulation. Whatever comes to it from outside (answers, timers) comes
 * through `deliver`: a killed process gets nothing any more, so that none of its promises ever settles;
 * a frozen one (SIGSTOP, a long pause of the garbage collector) gets it after the thaw.
 */
export class SimProcess {
  readonly name: string
  readonly clock: Clock
  /** Added to the virtual time by this process's wall clock, ms. */
  skewMs = 0
  private readonly scheduler: Scheduler
  private held: (() => void)[] | undefined
  private dead = false
  private readonly deathWatchers: (() => void)[] = []

  constructor(name: string, scheduler: Scheduler) {
    this.name = name
    this.scheduler = scheduler
    this.clock = processClock(this, scheduler)
  }

  get killed(): boolean {
    return this.dead
  }

  get frozen(): boolean {
    return this.held !== undefined
  }

  /** Runs the action in the process: now, after the thaw, or never. */
  deliver(action: () => void): void {
    if (this.dead) return
    if (this.held) this.held.push(action)
    else action()
  }

  freeze(ms: number): void {
    if (this.dead || this.held) return
    this.held = []
    this.scheduler.after(ms, () => this.thaw())
  }

  kill(): void {
    if (this.dead) return
    this.dead = true
    this.held = undefined
    for (const watcher of this.deathWatchers) watcher()
  }

  /** Called at once when the process is killed: its connections close, its locks are free. */
  onKilled(watcher: () => void): void {
    this.deathWatchers.push(watcher)
  }

  private thaw(): void {
    const held = this.held ?? []
    this.held = undefined
    for (const action of held) this.scheduler.after(0, () => this.deliver(action))
  }
}

/** The process's own view of time: its timers stop with it, its wall clock may be wrong. */
function processClock(process: SimProcess, scheduler: Scheduler): Clock {
  const later = (ms: number, action: () => void) =>
    scheduler.after(ms, () => process.deliver(action))
  return {
    now: () => Math.floor(scheduler.now + process.skewMs),
    elapsed: () => scheduler.now,

    sleep(ms, signal) {
      return new Promise(resolve => {
        if (signal?.aborted) return resolve()
        const cancel = later(ms, () => {
          signal?.removeEventListener('abort', aborted)
          resolve()
        })
        const aborted = () => {
          cancel()
          resolve()
        }
        signal?.addEventListener('abort', aborted, { once: true })
      })
    },

    turn: () => new Promise(resolve => later(0, resolve)),

    every(ms, tick) {
      let busy = false
      let cancel = later(ms, beat)
      function beat(): void {
        cancel = later(ms, beat)
        if (busy) return
        busy = true
        const ended = Promise.resolve(tick())
        ended.finally(() => {
          busy = false
        })
      }
      return () => cancel()
    },
  }
}
