import type { Random } from './random.ts'

/** Every place where the production path waits for the log or the disk. */
export type AwaitPoint = keyof typeof possible

/** What can go wrong there. See `Network.call` for what each does. */
export type FaultKind =
  | 'request-lost' //    never reaches the broker; the caller cannot know
  | 'request-late' //    the caller gives up, and afterwards it takes effect all the same
  | 'answer-lost' //     takes effect; the caller cannot know
  | 'unreachable' //     refused before anything was done
  | 'slow-request' //    takes effect late
  | 'slow-answer' //     takes effect at once, is told late
  | 'crash-before' //    the process dies with its request unsent
  | 'crash-after' //     the process dies, its request takes effect
  | 'freeze-before' //   the process stands still, then its request arrives: a zombie
  | 'freeze-after' //    takes effect, then the process stands still before it hears of it
  | 'rebalance' //       every group starts a new generation
  | 'transaction-timeout' // the broker ends the open transaction by itself
  | 'stolen' //          another owner fences this transactional id
  | 'compaction' //      old values of compacted topics go
  | 'clock-jump' //      the process's wall clock jumps
  | 'duplicate' //       a fetch brings again what the last one brought
  | 'lane-crash' //      a worker thread of the process dies

const everywhere = [
  'slow-request',
  'slow-answer',
  'crash-before',
  'crash-after',
  'freeze-before',
  'freeze-after',
] as const
const read = [...everywhere, 'unreachable'] as const
const write = [...read, 'request-lost', 'request-late', 'answer-lost'] as const
const transactional = [...write, 'transaction-timeout', 'stolen', 'rebalance'] as const

/**
 * Which faults are possible where. `poll`, `join` and a plain producer's `send` retry inside, so they only get
 * slow; a forwarder's is tried with all that can come of it when it gives up.
 */
export const possible = {
  'topics.create': read,
  'topics.describe': read,
  'topics.ranges': read,
  committed: [...read, 'rebalance'],
  'reader.poll': [
    ...everywhere,
    'duplicate',
    'compaction',
    'rebalance',
    'clock-jump',
    'lane-crash',
  ],
  'membership.join': everywhere,
  'membership.heartbeat': ['slow-request', 'slow-answer', 'freeze-before', 'freeze-after'],
  'membership.leave': everywhere,
  'transactor.fence': [...write, 'stolen', 'rebalance'],
  'transactor.send': transactional,
  'transactor.sendOffsets': transactional,
  'transactor.commit': transactional,
  'transactor.abort': transactional,
  'producer.send': everywhere,
  'forward.send': [...everywhere, 'request-lost', 'request-late', 'answer-lost'],
  'store.open': ['slow-answer', 'crash-before', 'crash-after'],
  'store.write': ['slow-request', 'slow-answer', 'crash-before', 'crash-after'],
} satisfies Record<string, readonly FaultKind[]>

/** How often each kind strikes, of all calls where it is possible; a kind left out never does. */
export type FaultRates = Partial<Record<FaultKind, number>>

/** Awaited so seldom that a fault is made more likely there. */
const rare: ReadonlySet<AwaitPoint> = new Set([
  'committed',
  'membership.leave',
  'producer.send',
  'forward.send',
  'store.open',
  'store.write',
])

/** Decides, call by call, which fault strikes, and counts them. */
export class FaultPlan {
  private readonly random: Random
  private readonly rates: FaultRates
  private over = false
  /** `<await point> <fault>` → how often. */
  readonly hits = new Map<string, number>()

  constructor(random: Random, rates: FaultRates) {
    this.random = random
    this.rates = rates
  }

  draw(point: AwaitPoint): FaultKind | undefined {
    if (this.over) return undefined
    const kinds: readonly FaultKind[] = possible[point]
    for (const kind of kinds) {
      const rate = this.rates[kind] ?? 0
      if (!this.random.chance(rare.has(point) ? Math.min(5 * rate, 0.3) : rate)) continue
      const name = `${point} ${kind}`
      this.hits.set(name, (this.hits.get(name) ?? 0) + 1)
      return kind
    }
    return undefined
  }

  /** No fault from now on: what is under way must come to its end. */
  end(): void {
    this.over = true
  }
}

/**
 * A seed's own mix: about half of the kinds, some rare, some frequent. Mixes find more than one even
 * plan for all seeds, since a frequent fault hides what a rare one would have shown (swarm testing,
 * Groce et al. 2012).
 */
export function swarm(random: Random): FaultRates {
  const kinds = [...new Set<FaultKind>(Object.values(possible).flat())]
  const rates: FaultRates = {}
  for (const kind of kinds) {
    if (random.chance(0.5)) rates[kind] = random.pick([0.002, 0.01, 0.03, 0.1])
  }
  return rates
}

/** The names of all pairs of await point and fault, for a report of those that never struck. */
export function allPairs(): string[] {
  return Object.entries(possible).flatMap(([point, kinds]) => kinds.map(kind => `${point} ${kind}`))
}
