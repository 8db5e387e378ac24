import type { Clock } from '../../runtime/clock.ts'
import type { Scheduler } from './scheduler.ts'

/**
 * One operating-system process of the simulation, or a thread of one. Whatever comes to it from outside
 * (answers, timers, messages) comes through `deliver`: what is killed gets nothing any more, so that none of
 * its promises ever settles; a frozen process (SIGSTOP, a long pause) gets it after the thaw.
 */
export class SimProcess {
  readonly name: string
  readonly clock: Clock
  /** The process, of a thread; itself, of a process. */
  readonly root: SimProcess
  /** Added to the virtual time by this process's wall clock, ms. */
  skewMs = 0
  private readonly scheduler: Scheduler
  private held: (() => void)[] | undefined
  private dead = false
  private readonly deathWatchers: (() => void)[] = []

  constructor(name: string, scheduler: Scheduler, root?: SimProcess) {
    this.name = name
    this.scheduler = scheduler
    this.root = root ?? this
    this.clock = processClock(this, scheduler)
  }

  /** Dies with its process; the process survives it. */
  thread(name: string): SimProcess {
    return new SimProcess(`${this.name}/${name}`, this.scheduler, this.root)
  }

  get killed(): boolean {
    return this.dead || this.root.dead
  }

  /** Runs the action here: now, after the thaw, or never. */
  deliver(action: () => void): void {
    const act = () => {
      if (!this.killed) action()
    }
    if (this.root.held) this.root.held.push(act)
    else act()
  }

  /** Of the whole process. */
  freeze(ms: number): void {
    const { root } = this
    if (root.dead || root.held) return
    root.held = []
    this.scheduler.after(ms, () => root.thaw())
  }

  kill(): void {
    if (this.dead) return
    this.dead = true
    this.held = undefined
    for (const watcher of this.deathWatchers) watcher()
  }

  /** Called at once when it is killed. */
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
    now: () => Math.floor(scheduler.now + process.root.skewMs),
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
