import type { Event } from '../../jobs/event.ts'
import { type Job, type JobContext, JobError, type Timer } from '../../jobs/job.ts'

export interface IdentityState {
  count: number
  /** Message ids of all that was absorbed, here or by those that were merged into this key. */
  ids: string[]
  /** Whose this key is; '': its own. */
  link: string
  /** Epoch ms of event time; 0: none. */
  timerAt: number
}

/** The name of an event after which nothing is left of its key. */
export const ERASE = 'Erase'

const SILENT_MS = 2 * 60_000

/**
 * Keeps anonymous keys until they are somebody's, as the feature language does: `identify` links, the linked
 * key hands its state over and is hidden from then on, and what comes to it later goes to whose it is.
 */
export function identityJob({ idle }: { readonly idle: Job['idle'] }): Job<IdentityState> {
  return {
    name: 'sim',
    input: 'events',
    hash: 'sim-identity',
    idle,
    outOfOrdernessMs: 5_000,
    latenessMs: 2 * 60_000,
    dedupe: { last: 1_000, withinMs: 24 * 3_600_000 },
    stateBytesMax: 64 * 1024,
    rekeys: ['events'],

    create: () => ({ count: 0, ids: [], link: '', timerAt: 0 }),
    encode: ({ count, ids, link, timerAt }, to) => to.value([count, ids, link, timerAt]),
    decode: from => {
      const [count, ids, link, timerAt] = from.value() as [number, string[], string, number]
      return { count, ids: [...ids], link, timerAt }
    },

    absorb(state, event, context) {
      if (event.type === 'link') return link(state, event, context)
      if (event.event === ERASE) return context.drop()
      if (state.link !== '') return passOn(state, event, context)
      if (event.type === 'identify' && event.anonymousId) {
        const { messageId, timestamp, userId, anonymousId } = event
        const linked = { type: 'link', messageId: `link-${messageId}`, timestamp, userId }
        context.rekey({ key: anonymousId, event: linked })
      }
      if (event.type === 'merge') {
        if (!event.state) throw new JobError('no_state', `${event.messageId} brings no state`)
        const [count, ids] = JSON.parse(Buffer.from(event.state).toString())
        state.count += count
        state.ids.push(...ids)
      } else {
        state.count++
        state.ids.push(event.messageId)
      }
      state.timerAt = Math.max(state.timerAt, event.timestamp + SILENT_MS)
    },

    nextTimer: ({ timerAt }): Timer | undefined =>
      timerAt === 0 ? undefined : { time: timerAt, name: 'silent' },
    fire(state, timer, { emit }) {
      state.timerAt = 0
      emit({ name: 'silent', reason: '', time: timer.time })
    },
    cancel(state) {
      state.timerAt = 0
    },

    // What `absorb` does with an event of that type needs no help.
    merge: () => undefined,
    row: ({ count, ids }) => ({ features: { count, ids: [...ids] }, segments: [] }),
    hidden: ({ link }) => link !== '',
  }
}

/** Hands over what there is, and remembers whose it is; a key that is somebody's already stays so. */
function link(state: IdentityState, event: Event, { key, rekey }: JobContext): void {
  if (state.link !== '' || event.userId === key)
    throw new JobError('linked_already', `${key} is ${state.link}'s`)
  const { messageId, timestamp, userId } = event
  const handedOver = Buffer.from(JSON.stringify([state.count, state.ids]))
  rekey({
    key: userId,
    event: { type: 'merge', messageId: `merge-${messageId}`, timestamp, state: handedOver },
  })
  Object.assign(state, { count: 0, ids: [], link: userId, timerAt: 0 })
}

function passOn(state: IdentityState, event: Event, { rekey }: JobContext): void {
  const { type, messageId, timestamp, userId, anonymousId, properties } = event
  const name = event.event
  const passed = { type, event: name, messageId, timestamp, userId, properties }
  rekey({ key: state.link, event: { ...passed, ...(anonymousId && { anonymousId }) } })
}
