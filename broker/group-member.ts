import { randomUUID } from 'node:crypto'
import { errorCodes } from '../protocol/error-codes.ts'

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

export const NOTHING = Buffer.alloc(0)

export function newMember(
  id: string,
  { clientId, host, sessionMs, rebalanceMs, protocols }: JoinRequest,
): Member {
  return {
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
}

/** Whether one of the protocols is understood by all the members. */
export function sharesProtocol(
  protocols: readonly Protocol[],
  members: readonly Member[],
): boolean {
  return protocols.some(({ name }) =>
    members.every(each => each.protocols.some(one => one.name === name)),
  )
}

/** The protocol that most members like best, of those that all understand. */
export function vote(members: readonly Member[]): string {
  const votes = new Map<string, number>()
  for (const { protocols } of members) {
    const best = protocols.find(each => sharesProtocol([each], members))
    if (best !== undefined) votes.set(best.name, (votes.get(best.name) ?? 0) + 1)
  }
  return [...votes].reduce((best, each) => (each[1] > best[1] ? each : best), ['', 0])[0]
}

/** What a member is told of the generation that begins; the leader is told of all members. */
export function joinedAs(
  member: Member,
  { generation, protocol, leader }: Pick<Joined, 'generation' | 'protocol' | 'leader'>,
  all: Iterable<Member>,
): Joined {
  const metadataOf = (each: Member) =>
    each.protocols.find(one => one.name === protocol)?.metadata ?? NOTHING
  const members =
    member.id === leader
      ? [...all].map(each => ({ memberId: each.id, metadata: metadataOf(each) }))
      : []
  return { error: errorCodes.NONE, generation, protocol, leader, memberId: member.id, members }
}

/** Whether the member wants what it wanted before. */
export function rejoinsUnchanged(member: Member, protocols: readonly Protocol[]): boolean {
  if (protocols.length !== member.protocols.length) return false
  return protocols.every(({ name, metadata }, at) => {
    const had = member.protocols[at]
    return had !== undefined && had.name === name && had.metadata.equals(metadata)
  })
}

export function newMemberId(clientId: string): string {
  return `${clientId}-${randomUUID()}`
}

export function unjoined(error: number, memberId: string): Joined {
  return { error, generation: -1, protocol: '', leader: '', memberId, members: [] }
}

export function unsynced(error: number): Synced {
  return { error, assignment: NOTHING }
}
