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

  async leave(): Promise<void> {
    this.left = true
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
      await clock.sleep(this.options.sessionMs / 5)
      if (this.left) return
      const { memberId, generation } = current
      const answer = await this.call('membership.heartbeat', () =>
        this.group.heartbeat(memberId, generation),
      )
      if (this.left || answer === 'well') continue
      if (answer === 'unknown') this.memberId = undefined
      current = await this.enter()
    }
  }

  private call<T>(
    point: 'membership.join' | 'membership.leave' | 'membership.heartbeat',
    effect: () => T | Promise<T>,
  ): Promise<T> {
    const { process, options } = this
    return this.cluster.network.call({ process, point, subject: options.group, effect })
  }
}
