import { randomUUID } from 'node:crypto'
import { errorCodes } from '../protocol/error-codes.ts'
import { KafkaError } from './kafka-error.ts'

export interface Protocol {
  readonly name: string
  readonly metadata: Buffer
}

export interface JoinRequest {
  readonly memberId: string
  readonly clientId: string
  readonly host: string
  readonly sessionMs: number
  readonly rebalanceMs: number
  readonly protocolType: string
  readonly protocols: readonly Protocol[]
  /** The client understands MEMBER_ID_REQUIRED (KIP-394). */
  readonly knowsMemberIds: boolean
}

export interface Joined {
  readonly error: number
  readonly generation: number
  readonly protocol: string
  readonly leader: string
  readonly memberId: string
  /** For the leader alone. */
  readonly members: readonly { readonly memberId: string; readonly metadata: Buffer }[]
}

export interface Synced {
  readonly error: number
  readonly assignment: Buffer
}

export interface Member {
  readonly id: string
  readonly clientId: string
  readonly host: string
  sessionMs: number
  rebalanceMs: number
  protocols: readonly Protocol[]
  assignment: Buffer
  /** Monotonic ms; not looked at while an answer is owed. */
  expiresAt: number
  joining: ((joined: Joined) => void) | undefined
  syncing: ((synced: Synced) => void) | undefined
}

/**
 *     Empty ──join──▶ PreparingRebalance ──all have joined, or time is up──▶ CompletingRebalance ──leader's sync──▶ Stable
 *       ▲                  ▲    │ nobody joined                                   │ join, leave, death                 │
 *       └──────────────────┼────┘                                                 │                                    │
 *                          └──────────────────────────────────────────────────────┴────────────────────────────────────┘
 */
export type GroupState = 'Empty' | 'PreparingRebalance' | 'CompletingRebalance' | 'Stable'

const NOTHING = Buffer.alloc(0)
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
    if (memberId !== '' && known === undefined && !this.promised.has(memberId)) {
      throw new KafkaError('UNKNOWN_MEMBER_ID', `group ${this.id} does not know ${memberId}`)
    }
    if (!this.accepts(protocolType, protocols, memberId)) {
      throw new KafkaError(
        'INCONSISTENT_GROUP_PROTOCOL',
        `group ${this.id} has no protocol in common with the member`,
      )
    }
    if (known !== undefined && !this.mustRebalance(known, request))
      return Promise.resolve(this.joined(known))
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
    if (this.state === 'PreparingRebalance')
      throw new KafkaError('REBALANCE_IN_PROGRESS', `group ${this.id} rebalances`)
  }

  leave(memberId: string): void {
    if (this.promised.delete(memberId)) {
      this.completeWhenAllJoined()
      return
    }
    const member = this.members.get(memberId)
    if (member === undefined)
      throw new KafkaError('UNKNOWN_MEMBER_ID', `group ${this.id} does not know ${memberId}`)
    this.remove(member)
  }

  /** Whether a commit by this member, or by nobody's (generation −1), is in order. */
  checkCommit(memberId: string, generation: number): void {
    if (memberId === '' && generation < 0 && this.members.size === 0) return
    const member = this.expect(memberId, generation)
    this.renew(member)
    if (this.state === 'CompletingRebalance')
      throw new KafkaError('REBALANCE_IN_PROGRESS', `group ${this.id} rebalances`)
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
    const { clientId, host, sessionMs, rebalanceMs, protocols, protocolType } = request
    const id = request.memberId === '' ? newMemberId(clientId) : request.memberId
    this.promised.delete(id)
    const known = this.members.get(id)
    // Asked again on a new connection: the first answer has nobody left to go to.
    known?.joining?.(unjoined(errorCodes.UNKNOWN_MEMBER_ID, id))
    const member: Member = known ?? {
      id,
      clientId,
      host,
      sessionMs,
      rebalanceMs,
      protocols,
      assignment: NOTHING,
      expiresAt: 0,
      joining: undefined,
      syncing: undefined,
    }
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
    return protocols.some(({ name }) =>
      others.every(each => each.protocols.some(one => one.name === name)),
    )
  }

  /** A member that comes again with what it had, in a group at rest, has only lost its answer. */
  private mustRebalance(member: Member, { protocols }: JoinRequest): boolean {
    if (this.state === 'PreparingRebalance' || this.state === 'Empty') return true
    if (this.state === 'Stable' && member.id === this.leader) return true
    return (
      protocols.length !== member.protocols.length ||
      protocols.some((each, at) => {
        const had = member.protocols[at]
        return had === undefined || had.name !== each.name || !had.metadata.equals(each.metadata)
      })
    )
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
    this.protocol = this.vote()
    if (!this.members.has(this.leader)) this.leader = first.id
    this.deadline =
      this.elapsed() + Math.max(...[...this.members.values()].map(member => member.rebalanceMs))
    for (const member of this.members.values()) {
      this.renew(member)
      member.joining?.(this.joined(member))
      member.joining = undefined
    }
  }

  /** The protocol that most members like best, of those that all understand. */
  private vote(): string {
    const all = [...this.members.values()]
    const votes = new Map<string, number>()
    for (const { protocols } of all) {
      const best = protocols.find(({ name }) =>
        all.every(each => each.protocols.some(one => one.name === name)),
      )
      if (best !== undefined) votes.set(best.name, (votes.get(best.name) ?? 0) + 1)
    }
    return [...votes].reduce((best, each) => (each[1] > best[1] ? each : best), ['', 0])[0]
  }

  private joined(member: Member): Joined {
    const { generation, protocol, leader } = this
    const metadataOf = (each: Member) =>
      each.protocols.find(one => one.name === protocol)?.metadata ?? NOTHING
    const members =
      member.id === leader
        ? [...this.members.values()].map(each => ({
            memberId: each.id,
            metadata: metadataOf(each),
          }))
        : []
    return { error: errorCodes.NONE, generation, protocol, leader, memberId: member.id, members }
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
    if (member === undefined)
      throw new KafkaError('UNKNOWN_MEMBER_ID', `group ${this.id} does not know ${memberId}`)
    if (generation === this.generation) return member
    throw new KafkaError(
      'ILLEGAL_GENERATION',
      `group ${this.id} is at generation ${this.generation}, not ${generation}`,
    )
  }

  private renew(member: Member): void {
    member.expiresAt = this.elapsed() + member.sessionMs
  }
}

function newMemberId(clientId: string): string {
  return `${clientId}-${randomUUID()}`
}

export function unjoined(error: number, memberId: string): Joined {
  return { error, generation: -1, protocol: '', leader: '', memberId, members: [] }
}

export function unsynced(error: number): Synced {
  return { error, assignment: NOTHING }
}
