import type { Job } from '../jobs/job.ts'
import { StateWriter } from '../state/state-writer.ts'
import { Packer, packed, planSends } from './appends.ts'
import { type Entity, writeEntity } from './entity.ts'
import type { CommitTrace } from './event-traces.ts'
import { LogError, type PackedAppend, type Transactor } from './log.ts'
import { outputTopics } from './outputs.ts'
import {
  type CommittedProgress,
  encodeMarker,
  encodeMetadata,
  markerKey,
  type Progress,
} from './progress.ts'
import { rekeyedTopic } from './rekeyed.ts'
import { RowWriter } from './row-writer.ts'
import type { SideRecords } from './side-outputs.ts'
import type { States } from './states.ts'

/** One commit's content, encoded between two events; nothing in it changes any more. */
export interface FrozenCommit<State> {
  readonly progress: Progress
  /** `bytes` lie in the changelog's batches. */
  readonly states: readonly { readonly entity: Entity<State>; readonly bytes: Uint8Array | null }[]
  readonly rows: number
  /** What is sent, a group of batches for each topic. */
  readonly outputs: readonly (readonly PackedAppend[])[]
}

/**
 * Takes the whole dirty set. Only between two events or two timers. `rowsAreOut`: they went out before.
 * Rows and states are packed one by one: kept as records until they are sent, they would be copied by each
 * collection of the young generation meanwhile.
 */
export function freezeCommit<State>(
  { job, partition }: { readonly job: Job<State>; readonly partition: number },
  states: States<State>,
  side: SideRecords,
  progress: Progress,
  rowsAreOut: boolean,
): FrozenCommit<State> {
  const entities = states.freeze()
  const topics = outputTopics(job.name)
  const changelog = new Packer(entities.length)
  const hasRows = job.emit === 'every'
  const rows = hasRows ? states.takeRows() : new Packer(entities.length)
  const rowWriter = new RowWriter(job)
  const state = new StateWriter()
  const rowsAreMade = rowsAreOut || hasRows
  const encoded = entities.map(entity => {
    if (entity.dropped || !rowsAreMade) rowWriter.add(entity, rows)
    const { key, dropped } = entity
    if (dropped) return { entity, bytes: changelog.addWritten(key, state.bytes, -1, 0) }
    writeEntity(job, entity, state)
    return { entity, bytes: changelog.addWritten(key, state.bytes, state.length, state.length) }
  })
  return {
    progress,
    states: encoded,
    rows: rows.count,
    outputs: [
      rows.appends(topics.features, partition),
      packed(topics.triggers, partition, side.triggers),
      packed(topics.late, partition, side.late),
      packed(topics.dead, partition, side.dead),
      packed(rekeyedTopic(job.name), partition, side.rekeyed),
      packed(topics.erased, partition, side.erased),
      changelog.appends(topics.changelog, partition),
    ],
  }
}

export interface CommitTarget {
  readonly job: string
  readonly input: string
  readonly partition: number
  readonly transactor: Transactor
  /** Where the last commit's marker lies in the changelog; -1: there was none. */
  readonly marker: number
  /** Told when each step is over. */
  readonly trace?: CommitTrace | undefined
}

/**
 * One transaction: rows, states, triggers, late, dead, rekeyed and erased records, then the marker; the next input offset with
 * metadata that names the marker; the end. One send after the other (with several at once a lost answer
 * loses records and doubles others). Answers what is committed when it resolves.
 */
export async function runCommit<State>(
  frozen: FrozenCommit<State>,
  target: CommitTarget,
): Promise<CommittedProgress> {
  const { partition, transactor, trace } = target
  const topics = outputTopics(target.job)
  const { progress, outputs } = frozen
  const sends = planSends(outputs, {
    topic: topics.changelog,
    partition,
    record: { key: markerKey, value: encodeMarker(progress) },
  })

  const transaction = transactor.begin()
  let changelog = -1
  for (const send of sends) {
    const offsets = await transaction.send(send)
    const index = send.findIndex(({ topic }) => topic === topics.changelog)
    if (index >= 0)
      changelog = (offsets[index] ?? Number.NaN) + (send[index] as PackedAppend).records.length - 1
  }
  if (!(changelog >= 0))
    throw new LogError(
      'ambiguous',
      `the marker of ${target.job}-${partition} was sent, and no answer says where it lies`,
    )
  if (changelog <= target.marker)
    throw new LogError(
      'refused',
      `the marker of ${target.job}-${partition} would lie at ${changelog} of ${topics.changelog}, and its last one lies at ${target.marker}: the changelog was made anew, and the states before are not in it. Nothing was committed. Give the job a new name, and let it read from the start`,
    )
  trace?.step('send')
  const committed = { ...progress, changelog }
  await transaction.sendOffsets(topics.commits, target.input, partition, {
    next: progress.next,
    metadata: encodeMetadata(committed),
  })
  trace?.step('offsets')
  await transaction.commit()
  trace?.step('end')
  return committed
}
