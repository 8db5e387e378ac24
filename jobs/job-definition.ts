import type { Feature, TriggerRule } from './feature.ts'
import type { Schemas } from './schemas.ts'
import type { TableSources } from './table.ts'
import type { Segment } from './watches.ts'

/** What an author writes: `defineJob` checks it and makes a job of it. */
export interface JobDefinition {
  /** Letters, digits, '-' and '_', at most 100. Topics and folders are named after it. */
  readonly name: string
  /** The topic that it reads. */
  readonly input: string
  /** Whose features they are: the record key, which is the user id. */
  readonly key?: 'userId'
  readonly features: Readonly<Record<string, Feature>>
  /** Users by their features. A row names those that its user belongs to; entering and leaving one is a trigger. */
  readonly segments?: Readonly<Record<string, Segment>>
  readonly triggers?: Readonly<Record<string, TriggerRule>>
  /**
   * Whether what somebody did before he was known becomes his, when an `identify` or `alias` names both ids.
   * Users without a `userId` have features under their `anonymousId` in any case.
   */
  readonly identity?: boolean
  /** Files to look things up in, as `table` and `geo` name them. Functions get them as their second argument. */
  readonly tables?: TableSources
  /** By the name of an event: a JSON Schema for its properties. What does not fit goes to `<job>.dead`. */
  readonly schemas?: Schemas
  /** 'wall-clock' (default): time goes on for a quiet task. 'hold', for old data: time is the events' alone. */
  readonly idle?: 'wall-clock' | 'hold'
  /** 'time' (default): windows shrink for a silent user too. 'event': they end at the user's own newest event. */
  readonly decay?: 'time' | 'event'
  /** 'commit' (default): a row of each changed user with each commit. 'every': one for each of his events and timers. */
  readonly emit?: 'commit' | 'every'
  /** How far behind the newest event time the watermark follows; '30s' when left out. */
  readonly outOfOrderness?: string
  /** How far behind the watermark an event may be before it goes to `<job>.late`; '1d' when left out. */
  readonly lateness?: string
  /** Drops repeats of a user's last `last` (50) message ids, at most `within` ('3d') older. `false`: drops none. */
  readonly dedupe?: { readonly last?: number; readonly within?: string } | false
  /** The most bytes of one user's encoded state, 1,024 to 900,000; 65,536 when left out. */
  readonly stateBytesMax?: number
}

export const optionNames = [
  'name',
  'input',
  'key',
  'identity',
  'features',
  'segments',
  'triggers',
  'tables',
  'schemas',
  'idle',
  'decay',
  'emit',
  'outOfOrderness',
  'lateness',
  'dedupe',
  'stateBytesMax',
]
