import type { Membership, MembershipOptions } from '../../runtime/log.ts'
import type { SimCluster } from './sim-cluster.ts'
import type { Assignment, SimGroup } from './sim-group.ts'
import type { SimProcess } from './sim-process.ts'

/** One process's member of a group: joins, beats, and joins again when the group begins a new generation. */
export class SimMembership implements Membership {
  private readonly cluster: SimCluster
  private readonly process: SimProcess
  private readonly options: MembershipOptions
  private readonly group: SimGroup
  private memberId: string | undefined
  private left = false
  private confirming: ((partitions: readonly number[]) => void)[] = []
  private wake = new AbortController()

  constructor(cluster: SimCluster, process: SimProcess, options: MembershipOptions) {
    this.cluster = cluster
    this.process = process
    this.options = options
    this.group = cluster.group(options.group, options.topic)
  }

  async join(): Promise<void> {
    const { previousMemberId } = this.options
    if (previousMemberId !== undefined) {
      await this.call('membership.leave', () => this.group.leave(previousMemberId))
    }
    const assignment = await this.enter()
    void this.beat(assignment)
  }

  confirm(): Promise<readonly number[]> {
    return new Promise(resolve => {
      this.confirming.push(resolve)
      this.wake.abort()
    })
  }

  async leave(): Promise<void> {
    this.left = true
    this.wake.abort()
    this.confirmAll([])
    const { memberId } = this
    if (memberId !== undefined)
      await this.call('membership.leave', () => this.group.leave(memberId))
  }

  private async enter(): Promise<Assignment> {
    const { memberId } = this
    const { sessionMs, owned } = this.options
    const request = { memberId, clientName: this.process.name, owned: [...owned()], sessionMs }
    const assignment = await this.call('membership.join', () => this.group.join(request))
    this.memberId = assignment.memberId
    if (this.left) this.group.leave(assignment.memberId)
    else this.options.onAssigned(assignment.partitions, assignment.memberId)
    return assignment
  }

  private async beat(first: Assignment): Promise<void> {
    let current = first
    const { clock } = this.process
    while (!this.left) {
      await clock.sleep(this.options.sessionMs / 5, this.wake.signal)
      this.wake = new AbortController()
      if (this.left) return
      const { memberId, generation, partitions } = current
      const confirming = this.takeConfirming()
      const answer = await this.call('membership.heartbeat', () =>
        this.group.heartbeat(memberId, generation),
      )
      if (answer === 'well' || this.left) {
        for (const confirm of confirming) confirm(this.left ? [] : partitions)
        continue
      }
      if (answer === 'unknown') this.memberId = undefined
      confirming.push(...this.takeConfirming())
      current = await this.enter()
      for (const confirm of confirming) confirm(current.partitions)
    }
    this.confirmAll([])
  }

  private takeConfirming(): ((partitions: readonly number[]) => void)[] {
    const taken = this.confirming
    this.confirming = []
    return taken
  }

  private confirmAll(partitions: readonly number[]): void {
    for (const confirm of this.takeConfirming()) confirm(partitions)
  }

  private call<T>(
    point: 'membership.join' | 'membership.leave' | 'membership.heartbeat',
    effect: () => T | Promise<T>,
  ): Promise<T> {
    const { process, options } = this
    return this.cluster.network.call({ process, point, subject: options.group, effect })
  }
}
