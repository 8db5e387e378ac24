import type { Settling } from './behaviour.ts'
import { shortHash } from './definition-text.ts'
import { type Event, plainEvent } from './event.ts'
import { type Job, type JobContext, JobError } from './job.ts'
import type { JobState, Layout } from './layout.ts'
import { decodedAlone, encodedAlone } from './state-bytes.ts'
import { restoreState, undoable } from './state-copy.ts'
import { placeIdLength } from './state-form.ts'

/** A user's aliases are remembered for his erasure; of more, the oldest are forgotten, and stay his. */
const aliasesMax = 50

type Behaviour = Pick<Job<JobState>, 'absorb' | 'hidden'>

/** Where a state says whose alias its key is, and which are its own. */
export function identityPlaces(layout: Layout) {
  const place = (name: string, merge: (into: readonly string[]) => string[]) =>
    layout.list({ id: shortHash(`identity ${name}`, placeIdLength), merge })
  return {
    owner: place('owner', into => [...into]),
    aliases: place('aliases', into => [...into]),
  }
}

/**
 * Any job takes a `merge`: what else is known of its key, from who it was before, or from events of the past
 * that a feature was not there for. What does not lie in the state that is brought stays as it is.
 */
export function absorbMerges(
  job: Pick<Job<JobState>, 'absorb' | 'decode' | 'merge'> & Settling,
): Job<JobState>['absorb'] {
  return (state, event, context) => {
    if (event.type !== 'merge') return job.absorb(state, event, context)
    undoable(state, () => {
      job.merge(state, decodedAlone(job, event.state ?? none))
      job.settle(state, event.timestamp, context)
    })
  }
}

/**
 * Makes an anonymous key its user's, once he says who he is:
 *
 *     identify or alias (userId, anonymousId)   to the user's state, which sends a `link` to the alias
 *     link                                      to the alias: it sends its state in a `merge`, and has no row any more
 *     merge                                     to the user: what he did before he was known is his
 *     anything else of the alias                is sent on to the user, one by one
 *
 * Each takes effect once, also where the two keys lie in different partitions and whatever dies. An alias
 * stays with its first user.
 */
export function withIdentity(
  job: Pick<Job<JobState>, 'absorb' | 'encode' | 'create'>,
  places: ReturnType<typeof identityPlaces>,
): Behaviour {
  const ownerOf = (state: JobState) => state.lists[places.owner]?.[0]

  function link(state: JobState, event: Event, { key, rekey }: JobContext): void {
    const owner = ownerOf(state)
    if (owner === event.userId) return
    if (owner !== undefined || (state.lists[places.aliases]?.length ?? 0) > 0)
      throw new JobError(
        'linked_already',
        `an alias belongs to one user, and is none itself: this one ${owner === undefined ? 'has aliases' : 'has another user'}`,
      )
    const { messageId, timestamp, userId } = event
    const handedOver = encodedAlone(job, state)
    const merge = { type: 'merge', messageId: `merge:${messageId}`, timestamp, state: handedOver }
    rekey({ key: userId, event: { ...merge, anonymousId: key } })
    restoreState(state, job.create())
    state.lists[places.owner] = [userId]
  }

  /** Sends the link, and answers the user's aliases as they are from then on. Changes nothing itself. */
  function identified(state: JobState, event: Event, { key, rekey }: JobContext): string[] {
    const aliases = state.lists[places.aliases] as string[]
    const alias = event.anonymousId
    const names = event.type === 'identify' || event.type === 'alias'
    if (!names || !alias || alias === key || event.userId !== key) return aliases
    if (aliases.includes(alias)) return aliases
    const { timestamp } = event
    const messageId = `link:${alias}:${key}`
    rekey({ key: alias, event: { type: 'link', messageId, timestamp, userId: key } })
    return [alias, ...aliases].slice(0, aliasesMax)
  }

  return {
    hidden: state => ownerOf(state) !== undefined,
    absorb(state, event, context) {
      const owner = ownerOf(state)
      if (event.type === 'link') return link(state, event, context)
      if (event.type === 'merge' && owner !== undefined)
        throw new JobError(
          'linked_already',
          'what is brought here belongs to the user of this alias',
        )
      if (event.type === 'delete') {
        for (const alias of state.lists[places.aliases] as string[])
          context.rekey({ key: alias, event: erasure(alias, event) })
        return job.absorb(state, event, context)
      }
      if (owner !== undefined) return context.rekey({ key: owner, event: passedOn(event) })
      const aliases = identified(state, event, context) // first, since an impossible alias throws
      job.absorb(state, event, context)
      state.lists[places.aliases] = aliases
    },
  }
}

const none = new Uint8Array()

function erasure(alias: string, { messageId, timestamp }: Event) {
  return { type: 'delete', messageId: `${messageId}:${alias}`, timestamp, anonymousId: alias }
}

function passedOn(event: Event) {
  const {
    anonymousId,
    key: _,
    state: __,
    sentAt: ___,
    receivedAt: ____,
    ...rest
  } = plainEvent(event)
  return { ...rest, ...(anonymousId !== undefined && { anonymousId }) }
}
