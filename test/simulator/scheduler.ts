import type { Random } from './random.ts'

/** Why `run` ended: what it waited for came, nothing was left to do, or the bound of steps was hit. */
export type RunEnd = 'done' | 'quiet' | 'out-of-steps'

interface Entry {
  readonly time: number
  /** Seeded: the order of what falls on the same time. */
  readonly rank: number
  readonly order: number
  action: (() => void) | undefined
}

/**
 * Virtual time and the order of everything asynchronous. All that a simulation waits for is an action at a
 * time; `step` moves the time to the next action, runs it, and lets the promises that it settled run until
 * none is left. So one thing happens after another, and the same seed gives the same order again.
 */
export class Scheduler {
  private readonly random: Random
  private readonly heap: Entry[] = []
  private time: number
  private order = 0
  steps = 0

  /** `start`: the first virtual time, epoch ms. */
  constructor(random: Random, start: number) {
    this.random = random
    this.time = start
  }

  /** Virtual time, epoch ms; it moves only between two actions. */
  get now(): number {
    return this.time
  }

  /** Runs `action` in `ms` from now; the answer cancels it. */
  after(ms: number, action: () => void): () => void {
    const entry: Entry = {
      time: this.time + Math.max(0, ms),
      rank: this.random.unit(),
      order: this.order++,
      action,
    }
    push(this.heap, entry)
    return () => {
      entry.action = undefined
    }
  }

  sleep(ms: number): Promise<void> {
    return new Promise(resolve => this.after(ms, resolve))
  }

  /** Runs steps until `done` says so, nothing is left, or `stepsMax` steps were made. */
  async run(done: () => boolean, stepsMax: number): Promise<RunEnd> {
    await drain()
    for (let made = 0; made < stepsMax; made++) {
      if (done()) return 'done'
      if (!(await this.step())) return 'quiet'
    }
    return done() ? 'done' : 'out-of-steps'
  }

  /** Runs steps in the background, for tests that await answers one by one; the answer ends it. */
  runInBackground(onError: (error: unknown) => void): () => void {
    let ended = false
    const loop = async () => {
      while (!ended) {
        if (!(await this.step())) await new Promise(resolve => setTimeout(resolve, 1))
      }
    }
    loop().catch(onError)
    return () => {
      ended = true
    }
  }

  private async step(): Promise<boolean> {
    const entry = pop(this.heap)
    if (entry === undefined) return false
    if (entry.action === undefined) return true
    this.time = entry.time
    this.steps++
    entry.action()
    await drain()
    return true
  }
}

/** Resolves when no promise is left that can go on by itself. */
function drain(): Promise<void> {
  return new Promise(resolve => setImmediate(resolve))
}

function before(left: Entry, right: Entry): boolean {
  if (left.time !== right.time) return left.time < right.time
  if (left.rank !== right.rank) return left.rank < right.rank
  return left.order < right.order
}

function push(heap: Entry[], entry: Entry): void {
  let at = heap.length
  heap.push(entry)
  while (at > 0) {
    const parent = (at - 1) >> 1
    const above = heap[parent] as Entry
    if (!before(entry, above)) break
    heap[at] = above
    at = parent
  }
  heap[at] = entry
}

function pop(heap: Entry[]): Entry | undefined {
  const first = heap[0]
  const last = heap.pop()
  if (first === undefined || last === undefined || heap.length === 0) return first
  let at = 0
  for (;;) {
    let child = 2 * at + 1
    if (child >= heap.length) break
    if (child + 1 < heap.length && before(heap[child + 1] as Entry, heap[child] as Entry)) child++
    if (!before(heap[child] as Entry, last)) break
    heap[at] = heap[child] as Entry
    at = child
  }
  heap[at] = last
  return first
}
