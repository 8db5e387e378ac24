import { type Block, type BlockInput, type Content, contentFault } from '../content/block.ts'
import type { Clock } from '../runtime/clock.ts'
import { Deadlines } from '../runtime/deadlines.ts'
import type { Telemetry } from '../runtime/telemetry.ts'
import { LastKnown } from './last-known.ts'
import { QueueFull } from './read-queue.ts'
import type { Recommender } from './recommender.ts'
import { contentOf, type RowContent } from './row.ts'
import type { TopicView } from './topic-view.ts'

/** What is answered of a block: always something. */
export interface BlockAnswer {
  /** `live` and `stale` as in `Standing`; `fallback`: what the block declares. */
  readonly source: 'live' | 'stale' | 'fallback'
  /** How far behind the topic it may be, ms; 0 of a fallback, which does not age. */
  readonly ageMs: number
  /** The content's JSON, an object. */
  readonly json: string
  /** Why it is a fallback, or not from now; for metrics. */
  readonly reason: AnswerReason
}

export type AnswerReason =
  | 'known'
  | 'unknown_user'
  | 'nothing_to_show'
  | 'over_limit'
  | 'out_of_time'
  | 'busy'
  | 'view_failed'
  | 'bad_content'
  | 'too_large'

export interface BlockAnswersOptions {
  readonly features: Pick<
    TopicView,
    'atHand' | 'find' | 'standingOf' | 'standingOfAbsence' | 'onChange'
  >
  /** All that may be asked for. */
  readonly blocks: Iterable<Block>
  readonly recommender: Recommender
  readonly clock: Clock
  readonly telemetry: Telemetry
  readonly failed: (error: unknown, block: string) => void
}

export interface Asked {
  /** `undefined`: of nobody, such as for a feed that all see. */
  readonly user: string | undefined
  /** The block's when not given. */
  readonly budgetMs?: number
  /** The asker is over his limit: the fallback is all that he gets. */
  readonly overLimit?: boolean
}

/** Readings under way. A store that hangs keeps them; beyond this nobody waits for it. */
const READINGS_MAX = 512

/**
 * Answers what a block shows of a user: what is known now; where that cannot be had within the budget what was known
 * last, with its age; else the block's fallback. Never rejects: an email that is being sent cannot wait, nor ask again.
 */
export class BlockAnswers {
  readonly #options: BlockAnswersOptions
  readonly #lastKnown: LastKnown
  readonly #deadlines: Deadlines
  readonly #fallbacks = new WeakMap<Block, string>()
  #readings = 0
  /** Answers that are being made; of those whose user changes meanwhile nothing is kept. */
  readonly #making = new Set<{ readonly user: string | undefined; changed: boolean }>()

  constructor(options: BlockAnswersOptions) {
    this.#options = options
    this.#lastKnown = new LastKnown(options.clock)
    this.#deadlines = new Deadlines(options.clock)
    options.features.onChange(user => this.#forget(user))
  }

  async answer(block: Block, asked: Asked): Promise<BlockAnswer> {
    const answer = await this.#answer(block, asked)
    const { source, reason } = answer
    this.#options.telemetry.add('millrace_block_answers', 1, { block: block.name, source, reason })
    return answer
  }

  async #answer(block: Block, { user, budgetMs, overLimit }: Asked): Promise<BlockAnswer> {
    if (overLimit) return this.#fallback(block, 'over_limit')
    const place = placeOf(block, user)
    if (this.#readings >= READINGS_MAX) return this.#known(block, place, 'busy')
    this.#readings++
    const reading = this.#read(block, user)
    const making = { user, changed: false }
    this.#making.add(making)
    const answer = await this.#deadlines.within(reading, budgetMs ?? block.budgetMs)
    this.#making.delete(making)
    if (answer === 'late') return this.#known(block, place, 'out_of_time')
    if (answer === 'view_failed' || answer === 'busy') return this.#known(block, place, answer)
    if (answer.source !== 'fallback' && !making.changed)
      this.#lastKnown.keep(place, answer.json, answer.ageMs)
    return answer
  }

  async #read(
    block: Block,
    user: string | undefined,
  ): Promise<BlockAnswer | 'view_failed' | 'busy'> {
    try {
      return await this.#make(block, user)
    } catch (error) {
      if (error instanceof QueueFull) return 'busy'
      this.#options.failed(error, block.name)
      return 'view_failed'
    } finally {
      this.#readings--
    }
  }

  async #make(block: Block, user: string | undefined): Promise<BlockAnswer> {
    const { features: rows, recommender, clock } = this.#options
    const row = user === undefined ? undefined : (rows.atHand(user) ?? (await rows.find(user)))
    if (row === undefined && block.recommended === 0) return this.#fallback(block, 'unknown_user')
    const standing = row === undefined ? rows.standingOfAbsence() : rows.standingOf(row)
    if (standing === undefined) return this.#fallback(block, 'unknown_user')
    const { features, segments } = row === undefined ? nobody : contentOf(row)
    const now = clock.now()
    const shown = await recommender.shown(listedIds(block, features))
    const recommended =
      block.recommended === 0
        ? []
        : await recommender.recommended(user, features, block.recommended, now)
    const input: BlockInput = {
      ...{ user: user ?? '', recommended, now },
      features: only(block.features, features),
      segments: segments.filter(each => typeof each === 'string'),
      products: wanted => wanted.flatMap(id => shown.get(id) ?? []),
    }
    return this.#shaped(block, input, standing)
  }

  #shaped(
    block: Block,
    input: BlockInput,
    standing: Pick<BlockAnswer, 'source' | 'ageMs'>,
  ): BlockAnswer {
    let content: Content | undefined
    try {
      content = block.shape(input)
    } catch (error) {
      this.#options.failed(error, block.name)
      return this.#fallback(block, 'bad_content')
    }
    if (content === undefined) return this.#fallback(block, 'nothing_to_show')
    if (contentFault(content) !== undefined) return this.#fallback(block, 'bad_content')
    const json = JSON.stringify(content)
    if (Buffer.byteLength(json) > block.bytesMax) return this.#fallback(block, 'too_large')
    return { ...standing, json, reason: 'known' }
  }

  /** Who was erased, or took back a consent, must not come back from memory: what changed is known anew, or not at all. */
  #forget(user: string | undefined): void {
    for (const making of this.#making)
      if (user === undefined || making.user === user) making.changed = true
    if (user === undefined) this.#lastKnown.clear()
    else if (!this.#lastKnown.isEmpty)
      for (const block of this.#options.blocks) this.#lastKnown.forget(placeOf(block, user))
  }

  #known(block: Block, place: string, reason: AnswerReason): BlockAnswer {
    const known = this.#lastKnown.get(place)
    return known === undefined
      ? this.#fallback(block, reason)
      : { source: 'stale', ageMs: known.ageMs, json: known.json, reason }
  }

  #fallback(block: Block, reason: AnswerReason): BlockAnswer {
    let json = this.#fallbacks.get(block)
    if (json === undefined) {
      json = JSON.stringify(block.fallback)
      this.#fallbacks.set(block, json)
    }
    return { source: 'fallback', ageMs: 0, json, reason }
  }
}

const nobody: Pick<RowContent, 'features' | 'segments'> = { features: {}, segments: [] }
const IDS_MAX = 64
/** Of a product, as collect takes them. */
const ID_CHARS_MAX = 512
const DEPTH_MAX = 4

function placeOf(block: Block, user: string | undefined): string {
  return `${block.name}\0${user ?? ''}`
}

function only(names: readonly string[], features: Readonly<Record<string, unknown>>): Content {
  const kept: [string, unknown][] = []
  for (const name of names) if (Object.hasOwn(features, name)) kept.push([name, features[name]])
  return Object.fromEntries(kept)
}

/** Texts in the features that the block reads, wherever they stand: a product that it asks for is one of them. */
function listedIds(block: Block, features: Readonly<Record<string, unknown>>): string[] {
  const ids = new Set<string>()
  const collect = (value: unknown, depth: number): void => {
    if (ids.size >= IDS_MAX || depth > DEPTH_MAX) return
    if (typeof value === 'string') {
      if (value.length <= ID_CHARS_MAX) ids.add(value)
    } else if (typeof value === 'object' && value !== null)
      for (const each of Object.values(value)) collect(each, depth + 1)
  }
  for (const name of block.features) collect(features[name], 0)
  return [...ids]
}
