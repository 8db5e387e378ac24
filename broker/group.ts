import { errorCodes } from '../protocol/error-codes.ts'
import {
  type GroupState,
  type Joined,
  type JoinRequest,
  joinedAs,
  type Member,
  NOTHING,
  newMember,
  newMemberId,
  type Protocol,
  rejoinsUnchanged,
  type Synced,
  sharesProtocol,
  unjoined,
  unsynced,
  vote,
} from './group-member.ts'
import { KafkaError } from './kafka-error.ts'

const MEMBERS_MAX = 1000

/** One group, by the classic protocol: members join, the leader assigns, all sync. As Kafka's `ClassicGroup`. */
export class Group {
  readonly id: string
  state: GroupState = 'Empty'
  protocolType = ''
  protocol = ''
  leader = ''
  generation = 0
  readonly members = new Map<string, Member>()
  /** Ids that were given out and have not joined yet, and until when they are kept. */
  private readonly promised = new Map<string, number>()
  private deadline = Number.POSITIVE_INFINITY
  private readonly elapsed: () => number

  constructor(id: string, elapsed: () => number) {
    this.id = id
    this.elapsed = elapsed
  }

  get isEmpty(): boolean {
    return this.members.size === 0 && this.promised.size === 0
  }

  /** Resolves when the group's next generation begins. */
  join(request: JoinRequest): Promise<Joined> {
    const { memberId, protocolType, protocols } = request
    const known = this.members.get(memberId)
    if (memberId !== '' && !known && !this.promised.has(memberId)) throw this.unknown(memberId)
    if (!this.accepts(protocolType, protocols, memberId)) {
      throw new KafkaError('INCONSISTENT_GROUP_PROTOCOL', `group ${this.id}: no common protocol`)
    }
    if (known !== undefined && !this.mustRebalance(known, request))
      return Promise.resolve(joinedAs(known, this, this.members.values()))
    if (known === undefined && this.members.size >= MEMBERS_MAX) {
      throw new KafkaError('GROUP_MAX_SIZE_REACHED', `a group has at most ${MEMBERS_MAX} members`)
    }
    if (memberId === '' && request.knowsMemberIds) return Promise.resolve(this.promise(request))
    return new Promise(resolve => {
      this.admit(request, resolve)
      this.rebalance()
    })
  }

  /** Resolves when the leader has handed in the assignments. */
  sync(
    memberId: string,
    generation: number,
    assignments: ReadonlyMap<string, Buffer>,
  ): Promise<Synced> {
    const member = this.expect(memberId, generation)
    if (this.state === 'PreparingRebalance')
      return Promise.resolve(unsynced(errorCodes.REBALANCE_IN_PROGRESS))
    if (this.state === 'Stable')
      return Promise.resolve({ error: errorCodes.NONE, assignment: member.assignment })
    return new Promise(resolve => {
      member.syncing?.(unsynced(errorCodes.REBALANCE_IN_PROGRESS))
      member.syncing = resolve
      if (memberId !== this.leader) return
      this.state = 'Stable'
      this.deadline = Number.POSITIVE_INFINITY
      for (const each of this.members.values()) {
        each.assignment = Buffer.from(assignments.get(each.id) ?? NOTHING)
        this.answerSync(each, { error: errorCodes.NONE, assignment: each.assignment })
      }
    })
  }

  heartbeat(memberId: string, generation: number): void {
    const member = this.expect(memberId, generation)
    this.renew(member)
    if (this.state === 'PreparingRebalance') throw this.rebalancing()
  }

  leave(memberId: string): void {
    if (this.promised.delete(memberId)) {
      this.completeWhenAllJoined()
      return
    }
    const member = this.members.get(memberId)
    if (member === undefined) throw this.unknown(memberId)
    this.remove(member)
  }

  /** Whether a commit by this member, or by nobody's (generation −1), is in order. */
  checkCommit(memberId: string, generation: number): void {
    if (memberId === '' && generation < 0 && this.members.size === 0) return
    const member = this.expect(memberId, generation)
    this.renew(member)
    if (this.state === 'CompletingRebalance') throw this.rebalancing()
  }

  /** To be called every now and then: the dead leave, and a rebalance whose time is up goes on without the missing. */
  tick(): void {
    const now = this.elapsed()
    for (const [id, until] of this.promised) if (until <= now) this.leave(id)
    for (const member of [...this.members.values()]) {
      const owed = member.joining !== undefined || member.syncing !== undefined
      if (!owed && member.expiresAt <= now) this.remove(member)
    }
    if (this.deadline > now) return
    this.deadline = Number.POSITIVE_INFINITY
    if (this.state === 'PreparingRebalance') this.beginGeneration()
    else if (this.state === 'CompletingRebalance') {
      for (const member of [...this.members.values()])
        if (member.syncing === undefined) this.remove(member)
    }
  }

  /** Answers all that wait: the broker closes. */
  close(): void {
    for (const member of this.members.values()) {
      this.answerSync(member, unsynced(errorCodes.NOT_COORDINATOR))
      member.joining?.(unjoined(errorCodes.NOT_COORDINATOR, member.id))
      member.joining = undefined
    }
  }

  private promise({ clientId, sessionMs }: JoinRequest): Joined {
    const memberId = newMemberId(clientId)
    this.promised.set(memberId, this.elapsed() + sessionMs)
    return unjoined(errorCodes.MEMBER_ID_REQUIRED, memberId)
  }

  private admit(request: JoinRequest, resolve: (joined: Joined) => void): void {
    const { clientId, sessionMs, rebalanceMs, protocols, protocolType } = request
    const id = request.memberId === '' ? newMemberId(clientId) : request.memberId
    this.promised.delete(id)
    const known = this.members.get(id)
    // Asked again on a new connection: the first answer has nobody left to go to.
    known?.joining?.(unjoined(errorCodes.UNKNOWN_MEMBER_ID, id))
    const member = known ?? newMember(id, request)
    Object.assign(member, { sessionMs, rebalanceMs, protocols })
    member.joining = resolve
    if (this.members.size === 0) this.protocolType = protocolType
    this.members.set(id, member)
  }

  private accepts(protocolType: string, protocols: readonly Protocol[], memberId: string): boolean {
    if (protocolType === '' || protocols.length === 0) return false
    const others = [...this.members.values()].filter(each => each.id !== memberId)
    if (others.length === 0) return true
    if (protocolType !== this.protocolType) return false
    return sharesProtocol(protocols, others)
  }

  /** A member that comes again with what it had, in a group at rest, has only lost its answer. */
  private mustRebalance(member: Member, { protocols }: JoinRequest): boolean {
    if (this.state === 'PreparingRebalance' || this.state === 'Empty') return true
    if (this.state === 'Stable' && member.id === this.leader) return true
    return !rejoinsUnchanged(member, protocols)
  }

  private rebalance(): void {
    if (this.state !== 'PreparingRebalance') {
      for (const member of this.members.values())
        this.answerSync(member, unsynced(errorCodes.REBALANCE_IN_PROGRESS))
      this.state = 'PreparingRebalance'
      const patience = Math.max(0, ...[...this.members.values()].map(member => member.rebalanceMs))
      this.deadline = this.elapsed() + patience
    }
    this.completeWhenAllJoined()
  }

  private completeWhenAllJoined(): void {
    if (this.state !== 'PreparingRebalance' || this.promised.size > 0) return
    for (const member of this.members.values()) if (member.joining === undefined) return
    this.beginGeneration()
  }

  private beginGeneration(): void {
    for (const member of [...this.members.values()])
      if (member.joining === undefined) this.members.delete(member.id)
    this.generation++
    this.deadline = Number.POSITIVE_INFINITY
    const [first] = this.members.values()
    if (first === undefined) {
      this.state = 'Empty'
      this.protocol = ''
      this.leader = ''
      return
    }
    this.state = 'CompletingRebalance'
    this.protocol = vote([...this.members.values()])
    if (!this.members.has(this.leader)) this.leader = first.id
    this.deadline =
      this.elapsed() + Math.max(...[...this.members.values()].map(member => member.rebalanceMs))
    for (const member of this.members.values()) {
      this.renew(member)
      member.joining?.(joinedAs(member, this, this.members.values()))
      member.joining = undefined
    }
  }

  private answerSync(member: Member, synced: Synced): void {
    if (member.syncing !== undefined) this.renew(member)
    member.syncing?.(synced)
    member.syncing = undefined
  }

  private remove(member: Member): void {
    member.joining?.(unjoined(errorCodes.UNKNOWN_MEMBER_ID, member.id))
    member.syncing?.(unsynced(errorCodes.UNKNOWN_MEMBER_ID))
    this.members.delete(member.id)
    this.rebalance()
  }

  private expect(memberId: string, generation: number): Member {
    const member = this.members.get(memberId)
    if (member === undefined) throw this.unknown(memberId)
    if (generation === this.generation) return member
    throw new KafkaError(
      'ILLEGAL_GENERATION',
      `group ${this.id} is at generation ${this.generation}, not ${generation}`,
    )
  }

  private unknown(memberId: string): KafkaError {
    return new KafkaError('UNKNOWN_MEMBER_ID', `group ${this.id} does not know ${memberId}`)
  }

  private rebalancing(): KafkaError {
    return new KafkaError('REBALANCE_IN_PROGRESS', `group ${this.id} rebalances`)
  }

  private renew(member: Member): void {
    member.expiresAt = this.elapsed() + member.sessionMs
  }
}
