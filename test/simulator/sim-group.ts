import { assignSticky } from '../../runtime/assignment.ts'
import type { Scheduler } from './scheduler.ts'

export interface Assignment {
  readonly memberId: string
  readonly generation: number
  readonly partitions: readonly number[]
}

export interface JoinRequest {
  /** `undefined` for a newcomer. */
  readonly memberId: string | undefined
  readonly clientName: string
  readonly owned: readonly number[]
  readonly sessionMs: number
}

interface Member {
  readonly memberId: string
  owned: readonly number[]
  readonly sessionMs: number
  seenAt: number
  /** Set while it waits for the next generation. */
  joined: ((assignment: Assignment) => void) | undefined
}

/**
 * A group's coordinator: a change of members begins a new generation, which starts when all have joined
 * again, or without those who did not within their session. A member that is not heard of for its session
 * is removed.
 */
export class SimGroup {
  private readonly name: string
  private readonly scheduler: Scheduler
  private readonly partitions: () => number
  private readonly members = new Map<string, Member>()
  private generation = 0
  private rebalancing = false
  private cancelDeadline: (() => void) | undefined
  private newcomers = 0

  constructor(name: string, scheduler: Scheduler, partitions: () => number) {
    this.name = name
    this.scheduler = scheduler
    this.partitions = partitions
  }

  get memberIds(): string[] {
    return [...this.members.keys()]
  }

  join({ memberId, clientName, owned, sessionMs }: JoinRequest): Promise<Assignment> {
    return new Promise(resolve => {
      const known = memberId === undefined ? undefined : this.members.get(memberId)
      const id = known?.memberId ?? `${this.name}-${clientName}-${++this.newcomers}`
      const seenAt = this.scheduler.now
      this.members.set(id, { memberId: id, owned, sessionMs, seenAt, joined: resolve })
      if (known === undefined) this.scheduler.after(sessionMs, () => this.expire(id))
      this.rebalance()
      this.startWhenComplete()
    })
  }

  heartbeat(memberId: string, generation: number): 'well' | 'rejoin' | 'unknown' {
    const member = this.members.get(memberId)
    if (!member) return 'unknown'
    member.seenAt = this.scheduler.now
    return this.rebalancing || generation !== this.generation ? 'rejoin' : 'well'
  }

  /** Also what evicts a dead process's member. */
  leave(memberId: string): void {
    if (!this.members.delete(memberId)) return
    this.rebalance()
    this.startWhenComplete()
  }

  /** Begins a new generation, as a change of the group's leader does. */
  rebalance(): void {
    if (this.rebalancing || this.members.size === 0) return
    this.rebalancing = true
    const sessionMs = Math.max(...[...this.members.values()].map(member => member.sessionMs))
    this.cancelDeadline = this.scheduler.after(sessionMs, () => {
      for (const member of this.members.values()) {
        if (member.joined === undefined) this.members.delete(member.memberId)
      }
      this.start()
    })
  }

  private expire(memberId: string): void {
    const member = this.members.get(memberId)
    if (!member) return
    const leftMs = member.seenAt + member.sessionMs - this.scheduler.now
    if (leftMs <= 0 && member.joined === undefined) this.leave(memberId)
    else this.scheduler.after(Math.max(leftMs, 1_000), () => this.expire(memberId))
  }

  private startWhenComplete(): void {
    if (!this.rebalancing) return
    if ([...this.members.values()].every(member => member.joined !== undefined)) this.start()
  }

  private start(): void {
    this.cancelDeadline?.()
    this.rebalancing = false
    this.generation++
    const assigned = assignSticky([...this.members.values()], this.partitions())
    for (const member of this.members.values()) {
      const { memberId, joined } = member
      member.joined = undefined
      member.seenAt = this.scheduler.now
      joined?.({ memberId, generation: this.generation, partitions: assigned.get(memberId) ?? [] })
    }
  }
}
