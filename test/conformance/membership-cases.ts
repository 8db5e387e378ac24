import type { Membership } from '../../runtime/log.ts'
import { assert } from '../harness.ts'
import type { Declare } from './log-cases.ts'
import type { LogCase } from './log-world.ts'

const PARTITIONS = 4

/** Who gets which partitions, and when. */
export function membershipCases(declare: Declare): void {
  const options = { partitions: PARTITIONS, timeoutMs: 120_000 }

  declare(
    'the only member gets every partition',
    async each => {
      const { log, topic } = each
      const member = new Member(each, { log, group: topic })
      await member.join()
      await member.has([0, 1, 2, 3])
      assert.ok(member.memberId !== '')
    },
    options,
  )

  declare(
    'a second member gets its half, and the first takes over again when it leaves',
    async each => {
      const { log, topic } = each
      const one = new Member(each, { log, group: topic })
      await one.join()
      await one.has([0, 1, 2, 3])
      const two = new Member(each, { log: each.another(), group: topic })
      await two.join()
      await each.until('both have two', () => one.mine.length === 2 && two.mine.length === 2)
      assert.equal([...one.mine, ...two.mine].sort(), [0, 1, 2, 3])
      await two.membership.leave()
      await one.has([0, 1, 2, 3])
    },
    options,
  )

  declare(
    'partitions go to the member that holds their stores',
    async each => {
      const { log, topic } = each
      const one = new Member(each, { log, group: topic, owned: [1, 2] })
      await one.join()
      await one.has([0, 1, 2, 3])
      const two = new Member(each, { log: each.another(), group: topic, owned: [0, 3] })
      await two.join()
      await two.has([0, 3])
      await one.has([1, 2])
    },
    options,
  )

  declare(
    'what owned() answers is asked anew at each join',
    async each => {
      const { log, topic } = each
      const one = new Member(each, { log, group: topic, owned: [0, 1] })
      await one.join()
      await one.has([0, 1, 2, 3])
      one.owned = [2, 3]
      const two = new Member(each, { log: each.another(), group: topic, owned: [0] })
      await two.join()
      await one.has([2, 3])
      await two.has([0, 1])
    },
    options,
  )

  declare(
    'confirm() tells what the group says now, also to a member that was removed meanwhile',
    async each => {
      const { log, topic } = each
      const one = new Member(each, { log, group: topic, owned: [0, 1] })
      await one.join()
      assert.equal([...(await one.membership.confirm())].sort(), [0, 1, 2, 3])
      const two = new Member(each, {
        log: each.another(),
        group: topic,
        owned: [2, 3],
        previousMemberId: one.memberId,
      })
      await two.join()
      await each.until('it is asked for anew', async () => {
        return `${[...(await one.membership.confirm())].sort()}` === '0,1'
      })
      await two.has([2, 3])
    },
    options,
  )

  declare(
    'the member id of a dead process is removed before joining',
    async each => {
      const { log, topic } = each
      const dead = new Member(each, { log, group: topic })
      await dead.join()
      await dead.has([0, 1, 2, 3])
      const previousMemberId = dead.memberId
      const restarted = new Member(each, { log: each.another(), group: topic, previousMemberId })
      await restarted.join()
      // The dead one lives, so that its removal can be seen: it has to come back under another id.
      await each.until('it has another id', () => dead.memberId !== previousMemberId)
      await each.until('both have two', () => dead.mine.length === 2 && restarted.mine.length === 2)
    },
    options,
  )

  declare(
    'a member id that nobody knows does not hinder joining',
    async each => {
      const { log, topic } = each
      const member = new Member(each, { log, group: topic, previousMemberId: 'nobody-1' })
      await member.join()
      await member.has([0, 1, 2, 3])
    },
    options,
  )
}

interface MemberOptions {
  readonly log: LogCase['log']
  readonly group: string
  readonly owned?: readonly number[]
  readonly previousMemberId?: string
}

/** A membership that remembers what it was last assigned, and leaves when its case ends. */
class Member {
  readonly membership: Membership
  owned: readonly number[]
  mine: readonly number[] = []
  memberId = ''
  private readonly each: LogCase

  constructor(each: LogCase, { log, group, owned = [], previousMemberId }: MemberOptions) {
    this.each = each
    this.owned = owned
    this.membership = log.membership({
      group,
      topic: each.topic,
      sessionMs: 10_000,
      owned: () => this.owned,
      previousMemberId,
      onAssigned: (partitions, memberId) => {
        this.mine = [...partitions].sort()
        this.memberId = memberId
      },
      onFailed: error => {
        throw error
      },
    })
  }

  async join(): Promise<void> {
    this.each.closing({ close: () => this.membership.leave() })
    await this.membership.join()
  }

  /** Waits until it has just these. */
  async has(partitions: readonly number[]): Promise<void> {
    await this.each.until(`the member has ${partitions}`, () => `${this.mine}` === `${partitions}`)
  }
}
