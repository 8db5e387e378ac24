import kafkajs from 'kafkajs'
import { assignSticky } from './assignment.ts'
import {
  backoffMs,
  type Cluster,
  denialsMax,
  type KafkaOptions,
  kafkaFault,
  untilDisconnected,
  whileUnreachable,
} from './kafka-cluster.ts'
import { LogError, type Membership, type MembershipOptions } from './log.ts'

const { MemberMetadata, MemberAssignment } = kafkajs.AssignerProtocol
const assignerName = 'millrace-sticky'
const version = 1
/** A member hears of a rebalance by its next heartbeat, and until all have heard nobody has the partitions that moved. */
const heartbeatMs = 250
/** How long kafkajs sleeps between its looks whether a heartbeat is due, as all is paused. */
const lookMs = 100
/** A group that has not heard that a member left waits for its session to end. */
const leaveMsMax = 3_000

/**
 * A kafkajs consumer that fetches nothing: all its partitions are paused from the moment they are assigned.
 * It joins, beats and rejoins; what is read, and from where, is the reader's and the tasks' affair.
 */
export class KafkaMembership implements Membership {
  readonly #options: KafkaOptions & MembershipOptions
  readonly #consumer: kafkajs.Consumer
  readonly #closed = new AbortController()
  #cluster: Cluster | undefined
  #assigned: readonly number[] = []
  #denials = 0
  #crashes = 0
  #confirmations: { heartbeats: number; resolve: (assigned: readonly number[]) => void }[] = []

  constructor(kafka: kafkajs.Kafka, options: KafkaOptions & MembershipOptions) {
    this.#options = options
    this.#consumer = kafka.consumer({
      groupId: options.group,
      sessionTimeout: options.sessionMs,
      rebalanceTimeout: options.sessionMs,
      heartbeatInterval: heartbeatMs,
      maxWaitTimeInMs: lookMs,
      allowAutoTopicCreation: false,
      retry: {
        initialRetryTime: 100,
        maxRetryTime: 5_000,
        retries: 10,
        restartOnFailure: async error => !this.#closed.signal.aborted && !this.#isDenied(error),
      },
      partitionAssigners: [
        assigner => {
          this.#cluster = assigner.cluster as unknown as Cluster
          return {
            name: assignerName,
            version,
            protocol: ({ topics }) => ({
              name: assignerName,
              metadata: MemberMetadata.encode({ version, topics, userData: this.#encodeOwned() }),
            }),
            assign: async ({ members }) => this.#assign(members),
          }
        },
      ],
    })
    this.#consumer.on('consumer.group_join', ({ payload }) => {
      const partitions = [...(payload.memberAssignment[options.topic] ?? [])].sort((a, b) => a - b)
      if (partitions.length > 0) this.#consumer.pause([{ topic: options.topic, partitions }])
      this.#assigned = partitions
      this.#denials = 0
      this.#crashes = 0
      this.#confirm(2)
      options.onAssigned(partitions, payload.memberId)
    })
    this.#consumer.on('consumer.heartbeat', () => this.#confirm(1))
    this.#consumer.on('consumer.crash', ({ payload: { restart, error } }) => {
      if (restart || this.#closed.signal.aborted) return
      const fault = kafkaFault(error)
      if (fault.code === 'connection') void this.#rejoin()
      else options.onFailed(new LogError('refused', fault.message, error))
    })
  }

  async join(): Promise<void> {
    const { topic, group, previousMemberId } = this.#options
    await whileUnreachable(this.#options, this.#closed.signal, async () => {
      await this.#consumer.connect()
      if (previousMemberId !== undefined) await this.#evict(group, previousMemberId)
      await this.#consumer.subscribe({ topic, fromBeginning: true })
    })
    await this.#consumer.run({ autoCommit: false, eachBatch: async () => undefined })
  }

  confirm(): Promise<readonly number[]> {
    return new Promise(resolve => this.#confirmations.push({ heartbeats: 2, resolve })) // one may be under way
  }

  async leave(): Promise<void> {
    this.#closed.abort()
    await untilDisconnected(this.#options.clock, this.#consumer.disconnect(), leaveMsMax)
  }

  /** kafkajs itself gives up where no broker knows the group's coordinator, as when they have just started. */
  async #rejoin(): Promise<void> {
    const { clock, onFailed } = this.#options
    try {
      await clock.sleep(backoffMs(this.#crashes++), this.#closed.signal)
      if (!this.#closed.signal.aborted) await this.join()
    } catch (error) {
      if (!this.#closed.signal.aborted)
        onFailed(error instanceof Error ? error : new Error(String(error)))
    }
  }

  /** Else the group waits for the dead member's session to end. Who is unknown has been removed already. */
  async #evict(groupId: string, memberId: string): Promise<void> {
    try {
      const coordinator = await this.#cluster?.findGroupCoordinator({ groupId })
      await coordinator?.leaveGroup({ groupId, memberId })
    } catch (error) {
      if (kafkaFault(error).code === 'connection') throw error
    }
  }

  /** A wrong login or certificate, said often enough to be believed. */
  #isDenied(error: Error): boolean {
    this.#denials = kafkaFault(error).code === 'denied' ? this.#denials + 1 : 0
    return this.#denials >= denialsMax
  }

  #confirm(heartbeats: number): void {
    for (const confirmation of this.#confirmations) confirmation.heartbeats -= heartbeats
    for (const { resolve } of this.#confirmations.filter(({ heartbeats: left }) => left <= 0))
      resolve(this.#assigned)
    this.#confirmations = this.#confirmations.filter(({ heartbeats: left }) => left > 0)
  }

  #encodeOwned(): Buffer {
    return Buffer.from(JSON.stringify({ owned: this.#options.owned() }))
  }

  #assign(members: kafkajs.GroupMember[]): kafkajs.GroupMemberAssignment[] {
    const { topic } = this.#options
    const partitions = this.#cluster?.findTopicPartitionMetadata(topic).length ?? 0
    const candidates = members.map(({ memberId, memberMetadata }) => ({
      memberId,
      owned: decodeOwned(memberMetadata),
    }))
    return [...assignSticky(candidates, partitions)].map(([memberId, mine]) => ({
      memberId,
      memberAssignment: MemberAssignment.encode({
        version,
        assignment: { [topic]: mine },
        userData: Buffer.alloc(0),
      }),
    }))
  }
}

/** What another member wrote; one that cannot be read owns nothing. */
function decodeOwned(memberMetadata: Buffer): number[] {
  const userData = MemberMetadata.decode(memberMetadata)?.userData
  if (!userData || userData.length === 0) return []
  try {
    const { owned } = JSON.parse(userData.toString()) as { owned?: unknown }
    return Array.isArray(owned)
      ? owned.filter((partition): partition is number => Number.isInteger(partition))
      : []
  } catch (error) {
    if (error instanceof SyntaxError) return []
    throw error
  }
}
