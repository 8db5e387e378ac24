import type { Job } from '../../jobs/job.ts'
import { Lane } from '../../runtime/lane.ts'
import type { LaneEvents, LaneHandle } from '../../runtime/lane-thread.ts'
import type { FromLane, ToLane } from '../../runtime/messages.ts'
import type { Mode } from '../../runtime/task-options.ts'
import type { Random } from './random.ts'
import type { SimCluster } from './sim-cluster.ts'
import type { SimDisk } from './sim-disk.ts'
import { DEADLY } from './sim-job.ts'
import type { SimProcess } from './sim-process.ts'

export interface SimLaneOptions<State> {
  readonly cluster: SimCluster
  readonly disk: SimDisk
  readonly job: Job<State>
  /** The process that the lane is a thread of. */
  readonly process: SimProcess
  readonly name: string
  readonly newHistory: () => string
  readonly flags: SimFlags
  readonly events: LaneEvents
}

/** What a person starts a process with. */
export interface SimFlags {
  readonly mode: Mode
  readonly era: number
  readonly acceptLoss: boolean
}

export interface SimLane extends LaneHandle {
  /** As a worker that ran out of memory: it stops in the middle, its process lives on. */
  crash(): void
}

const MESSAGE_MS_MAX = 1

/** A lane as a thread of a simulated process: the production `Lane`, behind messages that take their time. */
export function openSimLane<State>(options: SimLaneOptions<State>): SimLane {
  const { cluster, disk, job, name, newHistory, flags, events } = options
  const main = options.process
  const thread = main.thread(name)
  const { log } = cluster.handleOf(thread)
  let hand: { partition: number; offset: number } | undefined
  let beats = 0
  let ended = false

  const end = (error: Error | undefined) => {
    if (ended) return
    ended = true
    thread.kill()
    cluster.scheduler.after(1, () => main.deliver(() => events.onEnded(error)))
  }
  const toMain = inOrder<FromLane>(cluster, main, message => {
    if (ended) return
    events.onMessage(message)
    if (message.kind === 'stopped') end(undefined)
  })
  const die = (kind: unknown) => {
    if (kind === 'process') main.root.kill()
    else end(new Error('killed by a record'))
  }
  const lane = new Lane<State>({
    ...flags,
    job: mortal(job, die),
    log,
    clock: thread.clock,
    openStore: partition => disk.open(thread, String(partition)),
    newHistory,
    cacheKeysMax: 2,
    cacheBytesMax: 128 * 1024,
    inHand: (partition, offset) => {
      if (!ended) hand = offset === -1 ? undefined : { partition, offset }
    },
    post: toMain,
  })
  return {
    post: inOrder<ToLane>(cluster, thread, message => lane.handle(message)),
    inHand: () => hand,
    beats: () => ++beats,
    kill: async () => end(new Error('ended by the watchdog')),
    crash: () => end(new Error('out of memory')),
  }
}

/** The job, with the records that kill: nothing of the thread goes on after `die`. */
function mortal<State>(job: Job<State>, die: (kind: unknown) => void): Job<State> {
  return {
    ...job,
    absorb(state, event, context) {
      const kind = event.properties[DEADLY]
      if (kind !== undefined) die(kind)
      job.absorb(state, event, context)
    },
  }
}

/** Messages between threads: copied, a little later, never overtaking each other. */
function inOrder<Message>(
  cluster: SimCluster,
  target: SimProcess,
  receive: (message: Message) => void,
): (message: Message) => void {
  const random: Random = cluster.random
  const queue: Message[] = []
  return message => {
    queue.push(structuredClone(message))
    cluster.scheduler.after(random.unit() * MESSAGE_MS_MAX, () => {
      target.deliver(() => receive(queue.shift() as Message))
    })
  }
}
