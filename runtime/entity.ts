import type { Job } from '../jobs/job.ts'
import { CodecError, decodeState, encodeState } from '../state/codec.ts'
import { RecentIds } from '../state/recent-ids.ts'

/** All that is remembered of one key: the job's state, and what the runtime needs beside it. */
export class Entity<State = unknown> {
  readonly key: string
  readonly state: State
  readonly recent: RecentIds
  /** Version of the row: era × 2^44 + input offset of the newest event absorbed, and a revision. */
  offset = -1
  revision = 0
  /** Epoch ms of event time that the row stands for. */
  asOf = 0
  /** Epoch ms: event time of the newest event absorbed, and when it was received. */
  eventAt = 0
  receivedAt = 0

  /** Time of the key's next timer, as the state says; `undefined`: none. */
  timerAt: number | undefined
  /** Time of the key's entry in the store's index of timers. */
  indexedAt: number | undefined
  /** Changed since the last commit was frozen. */
  dirty = false
  /** Nothing is left of the key, and the next commit is to say so with tombstones. */
  dropped = false
  /** Part of the commit that is running. */
  committing = false
  /** Read since the cache last looked. */
  touched = true
  /** Bytes of the state when last encoded, and the most that it can have grown since. */
  encodedBytes = 0
  grownBytesMax = 0

  constructor(key: string, state: State, recent: RecentIds) {
    this.key = key
    this.state = state
    this.recent = recent
  }

  /** Whether a row was ever written for it. */
  get known(): boolean {
    return this.offset >= 0
  }
}

export function newEntity<State>(job: Job<State>, key: string): Entity<State> {
  return new Entity(key, job.create(), new RecentIds(job.dedupe))
}

export function encodeEntity<State>(job: Job<State>, entity: Entity<State>): Uint8Array {
  const { offset, revision, asOf, eventAt, receivedAt, recent, state } = entity
  const bytes = encodeState(
    [offset, revision, asOf, eventAt, receivedAt, recent.encode(), job.encode(state)],
    entity.timerAt,
  )
  entity.encodedBytes = bytes.length
  entity.grownBytesMax = 0
  return bytes
}

/** @throws CodecError: bytes of another format, or of a state that the job does not know. It must stop the task. */
export function decodeEntity<State>(
  job: Job<State>,
  key: string,
  bytes: Uint8Array,
): Entity<State> {
  const [offset, revision, asOf, eventAt, receivedAt, recent, state] = decodeState(bytes) as [
    number,
    number,
    number,
    number,
    number,
    unknown,
    unknown,
  ]
  const entity = new Entity(key, decodeJobState(job, state), new RecentIds(job.dedupe, recent))
  entity.offset = offset
  entity.revision = revision
  entity.asOf = asOf
  entity.eventAt = eventAt
  entity.receivedAt = receivedAt
  entity.timerAt = job.nextTimer(entity.state)?.time
  entity.encodedBytes = bytes.length
  return entity
}

function decodeJobState<State>(job: Job<State>, encoded: unknown): State {
  try {
    return job.decode(encoded)
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error)
    throw new CodecError(
      'corrupt_state',
      `job ${job.name} cannot read the state of one of its users (${reason}): run the version that wrote it, or start the job under a new name, which builds its state anew`,
      error,
    )
  }
}
