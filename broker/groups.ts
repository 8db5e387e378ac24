import type { Clock } from '../runtime/clock.ts'
import type { CommittedOffsets } from './committed-offsets.ts'
import { Group } from './group.ts'
import type { Joined, JoinRequest, Synced } from './group-member.ts'
import { KafkaError } from './kafka-error.ts'

/** Kafka's `group.min.session.timeout.ms` and `group.max.session.timeout.ms`. */
const SESSION_MS_MIN = 6000
const SESSION_MS_MAX = 30 * 60_000
/** `offsets.retention.minutes`, of a group without members. */
const OFFSETS_RETENTION_MS = 7 * 86_400_000
const TICK_MS = 100
const GROUPS_MAX = 10_000

/**
 * The group coordinator. Membership is in memory: after a restart of the broker members are unknown and join
 * again, as they do after a change of coordinators. Committed offsets are on disk.
 */
export class Groups {
  private readonly clock: Clock
  private readonly offsets: CommittedOffsets
  private readonly groups = new Map<string, Group>()
  private readonly stopTicking: () => void

  constructor(clock: Clock, offsets: CommittedOffsets) {
    this.clock = clock
    this.offsets = offsets
    this.stopTicking = clock.every(TICK_MS, () => this.tick())
  }

  async join(id: string, request: JoinRequest): Promise<Joined> {
    checkId(id)
    if (request.sessionMs < SESSION_MS_MIN || request.sessionMs > SESSION_MS_MAX) {
      const message = `a session timeout of ${request.sessionMs} ms; ${SESSION_MS_MIN} to ${SESSION_MS_MAX} are allowed`
      throw new KafkaError('INVALID_SESSION_TIMEOUT', message)
    }
    const known = this.groups.get(id)
    if (known === undefined && request.memberId !== '') {
      throw new KafkaError('UNKNOWN_MEMBER_ID', `group ${id} does not know ${request.memberId}`)
    }
    if (known !== undefined) return known.join(request)
    if (this.groups.size >= GROUPS_MAX)
      throw new KafkaError('COORDINATOR_NOT_AVAILABLE', `more than ${GROUPS_MAX} groups`)
    const group = new Group(id, () => this.clock.elapsed())
    const joined = group.join(request)
    this.groups.set(id, group)
    return joined
  }

  async sync(
    id: string,
    memberId: string,
    generation: number,
    assignments: ReadonlyMap<string, Buffer>,
  ): Promise<Synced> {
    return this.expect(id).sync(memberId, generation, assignments)
  }

  heartbeat(id: string, memberId: string, generation: number): void {
    this.expect(id).heartbeat(memberId, generation)
  }

  leave(id: string, memberId: string): void {
    this.expect(id).leave(memberId)
  }

  /** Throws when a commit with these is not in order; outside any group the generation is −1. */
  checkCommit(id: string, generation: number, memberId: string): void {
    checkId(id)
    const group = this.groups.get(id)
    if (group !== undefined) group.checkCommit(memberId, generation)
    else if (generation >= 0)
      throw new KafkaError('ILLEGAL_GENERATION', `group ${id} has no generation`)
  }

  /** A group with members, or one that has only offsets; undefined for neither. */
  get(id: string): Group | undefined {
    const group = this.groups.get(id)
    if (group !== undefined) return group
    return this.offsets.list(id).length > 0 ? new Group(id, () => this.clock.elapsed()) : undefined
  }

  list(): { id: string; protocolType: string }[] {
    const ids = new Set([...this.groups.keys(), ...this.offsets.groups()])
    return [...ids].map(id => ({ id, protocolType: this.groups.get(id)?.protocolType ?? '' }))
  }

  delete(id: string): void {
    checkId(id)
    const group = this.get(id)
    if (group === undefined) throw new KafkaError('GROUP_ID_NOT_FOUND', `there is no group ${id}`)
    if (!group.isEmpty) throw new KafkaError('NON_EMPTY_GROUP', `group ${id} has members`)
    this.groups.delete(id)
    this.offsets.forget(owner => owner === id, this.clock.now())
  }

  /** Offsets of groups that had no member, and committed nothing, for seven days. */
  expireOffsets(): void {
    const before = this.clock.now() - OFFSETS_RETENTION_MS
    this.offsets.forget(
      (id, _, at) => at < before && (this.groups.get(id)?.isEmpty ?? true),
      this.clock.now(),
    )
  }

  close(): void {
    this.stopTicking()
    for (const group of this.groups.values()) group.close()
  }

  private tick(): void {
    for (const [id, group] of this.groups) {
      group.tick()
      if (group.isEmpty && group.state === 'Empty' && group.generation === 0) this.groups.delete(id)
    }
  }

  private expect(id: string): Group {
    checkId(id)
    const group = this.groups.get(id)
    if (group !== undefined) return group
    throw new KafkaError('UNKNOWN_MEMBER_ID', `there is no group ${id}`)
  }
}

function checkId(id: string): void {
  if (id === '') throw new KafkaError('INVALID_GROUP_ID', 'an empty group id')
}
