import type { Job } from '../jobs/job.ts'
import { beginState, CodecError, openState } from '../state/codec.ts'
import { RecentIds } from '../state/recent-ids.ts'
import { StateReader } from '../state/state-reader.ts'
import { StateWriter } from '../state/state-writer.ts'

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
  const recent = job.dedupe.last === 0 ? noIds : new RecentIds(job.dedupe)
  return new Entity(key, job.create(), recent)
}

/** One for all keys of a job that drops no repeats: it stays empty. */
const noIds = new RecentIds({ last: 0, withinMs: 0 })

/** Writes the entity as the changelog and the store have it: what the runtime remembers, then the job's state. */
export function writeEntity<State>(job: Job<State>, entity: Entity<State>, to: StateWriter): void {
  beginState(to, entity.timerAt)
  to.number(entity.asOf)
  to.base = entity.asOf
  to.number(entity.offset)
  to.number(entity.revision)
  to.number(entity.eventAt)
  to.number(entity.receivedAt)
  entity.recent.write(to)
  job.encode(entity.state, to)
  entity.encodedBytes = to.length
  entity.grownBytesMax = 0
}

export function encodeEntity<State>(job: Job<State>, entity: Entity<State>): Uint8Array {
  const writer = new StateWriter()
  writeEntity(job, entity, writer)
  return writer.copy()
}

/** Of the row that a state stands for, and of the newest event in it: the fields of `Entity`. */
export type Remembered = Pick<Entity, 'offset' | 'revision' | 'asOf' | 'eventAt' | 'receivedAt'>

/** @throws CodecError: bytes of another format, or of a state that the job does not know. It must stop the task. */
export function decodeEntity<State>(
  job: Job<State>,
  key: string,
  bytes: Uint8Array,
): Entity<State> {
  const { remembered, ids, from } = opened(bytes)
  const recent = new RecentIds(job.dedupe)
  if (ids === undefined) recent.read(from)
  else recent.readFirst(ids)
  const entity = new Entity(key, decodeJobState(job, from), recent)
  entity.offset = remembered.offset
  entity.revision = remembered.revision
  entity.asOf = remembered.asOf
  entity.eventAt = remembered.eventAt
  entity.receivedAt = remembered.receivedAt
  entity.timerAt = job.nextTimer(entity.state)?.time
  entity.encodedBytes = bytes.length
  return entity
}

/** What stands first in the bytes, without reading the rest. Throws a `CodecError`. */
export function rememberedIn(bytes: Uint8Array): Remembered {
  return opened(bytes).remembered
}

interface Opened {
  readonly remembered: Remembered
  /** Of a state of format version 1. */
  readonly ids?: unknown
  /** Stands at what follows: the ids, where they are not given, then the job's state. */
  readonly from: StateReader
}

function opened(bytes: Uint8Array): Opened {
  const from = openState(bytes)
  if (from.isFirst) return openedFirst(bytes, from.value())
  const asOf = from.number()
  from.base = asOf
  const offset = from.number()
  const revision = from.number()
  const eventAt = from.number()
  const receivedAt = from.number()
  return { remembered: { offset, revision, asOf, eventAt, receivedAt }, from }
}

/** Format version 1: `[offset, revision, asOf, eventAt, receivedAt, recent ids, state]`. */
function openedFirst(bytes: Uint8Array, content: unknown): Opened {
  const [offset, revision, asOf, eventAt, receivedAt, ids, value] = content as [
    ...[number, number, number, number, number],
    ...[unknown, unknown],
  ]
  const from = new StateReader(bytes, 0, { value })
  return { remembered: { offset, revision, asOf, eventAt, receivedAt }, ids, from }
}

function decodeJobState<State>(job: Job<State>, from: StateReader): State {
  try {
    const state = job.decode(from)
    from.end()
    return state
  } catch (error) {
    if (error instanceof CodecError) throw error
    const reason = error instanceof Error ? error.message : String(error)
    throw new CodecError(
      'corrupt_state',
      `job ${job.name} cannot read the state of one of its users (${reason}): run the version that wrote it, or start the job under a new name, which builds its state anew`,
      error,
    )
  }
}
