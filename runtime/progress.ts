import { CodecError } from '../state/codec.ts'
import type { FeatureBegins } from './feature-begins.ts'
import type { Hand } from './hand.ts'
import { type Committed, type NextOffset, nextOffset } from './log.ts'
import type { EncodedSource } from './sources.ts'

/**
 * How far a task has come, written twice in each commit: beside its input offset (as that offset's metadata,
 * 4,096 bytes at most) and as the marker that ends the commit's records in the changelog.
 */
export interface Progress {
  /** The first input offset that is not done. */
  readonly next: NextOffset
  /** Random id of the task's first commit. */
  readonly history: string
  /** Epoch ms of event time; `undefined` before the first event. */
  readonly watermark: number | undefined
  readonly partitions: number
  /** Raised by a person when the input topic was made anew. */
  readonly era: number
  /** The job's definition, and how often it has changed. */
  readonly hash: string
  readonly generation: number
  /** Offset and append time (epoch ms) of the last input record taken; -1 before the first. */
  readonly last: number
  readonly appendedAt: number
  /** Deaths of the owner since the last progress. */
  readonly tries: number
  /** What the owner was about to take alone, as deaths have been repeating: an input offset, or a timer; -1: nothing. */
  readonly hand: Hand
  /** Deaths that came with the same thing announced and in hand, since the last that came otherwise. */
  readonly handDeaths: number
  /** That thing; `undefined` where there were none. */
  readonly suspect?: Hand | undefined
  /** Whether the owner left in order. */
  readonly clean: boolean
  /**
   * What others have rekeyed to this input, and how far it is taken (`Sources`); `undefined`: nothing. They grow with
   * the partitions of the jobs that send here, and the metadata of an offset has 4,096 bytes: so they stand in
   * the marker only, and the metadata says that they do.
   */
  readonly sources?: readonly EncodedSource[] | 'in-marker' | undefined
  /** Since when each feature of the job has been there; `undefined`: its job does not say which it has. */
  readonly features?: FeatureBegins | undefined
}

/** A task's progress together with where its marker lies in the changelog (-1: none yet). */
export interface CommittedProgress extends Progress {
  readonly changelog: number
}

/** The markers' record key: one for each partition, so that compaction keeps the newest. No user id starts so. */
export const markerKey = '\u0000marker'

const version = 1

export function encodeMarker(progress: Progress): string {
  return JSON.stringify({ v: version, ...progress })
}

/**
 * The marker's own offset in the changelog comes from the record that holds it.
 *
 * @throws CodecError: a newer version has written it
 */
export function parseMarker(value: string, changelog: number): CommittedProgress | undefined {
  return parse(value, undefined, changelog)
}

export function encodeMetadata({ next: _, sources, ...progress }: CommittedProgress): string {
  const told = sources === undefined ? {} : { sources: 'in-marker' }
  return JSON.stringify({ v: version, ...progress, ...told })
}

/**
 * `undefined` for metadata that is not ours: somebody moved the offset.
 *
 * @throws CodecError: a newer version has written it
 */
export function parseMetadata({ next, metadata }: Committed): CommittedProgress | undefined {
  return parse(metadata, next, undefined)
}

function parse(
  text: string,
  next: NextOffset | undefined,
  changelog: number | undefined,
): CommittedProgress | undefined {
  let raw: Record<string, unknown>
  try {
    raw = JSON.parse(text) as Record<string, unknown>
  } catch (error) {
    if (error instanceof SyntaxError) return undefined
    throw error
  }
  if (typeof raw !== 'object' || raw === null) return undefined
  if (Number(raw.v) > version)
    throw new CodecError(
      'unknown_version',
      `expected a task's progress of version ${version}, found progress of version ${raw.v}: a newer Millrace has written it. Stop this one, and run that one`,
    )
  if (raw.v !== version) return undefined
  const integer = (name: string): number =>
    Number.isSafeInteger(raw[name]) ? (raw[name] as number) : Number.NaN
  const progress: CommittedProgress = {
    next: next ?? nextOffset(integer('next')),
    changelog: changelog ?? integer('changelog'),
    history: String(raw.history ?? ''),
    watermark: typeof raw.watermark === 'number' ? raw.watermark : undefined,
    partitions: integer('partitions'),
    era: integer('era'),
    hash: String(raw.hash ?? ''),
    generation: integer('generation'),
    last: integer('last'),
    appendedAt: integer('appendedAt'),
    tries: integer('tries'),
    hand: integer('hand'),
    handDeaths: integer('handDeaths'),
    clean: raw.clean === true,
    ...(Number.isSafeInteger(raw.suspect) && { suspect: raw.suspect as number }),
    ...sourcesOf(raw.sources),
    ...(isBegins(raw.features) && { features: raw.features }),
  }
  const numbers = [
    progress.next,
    progress.changelog,
    progress.partitions,
    progress.era,
    progress.generation,
    progress.last,
    progress.appendedAt,
    progress.tries,
    progress.hand,
    progress.handDeaths,
  ]
  return progress.history !== '' && numbers.every(Number.isSafeInteger) ? progress : undefined
}

function isBegins(raw: unknown): raw is FeatureBegins {
  if (!Array.isArray(raw)) return false
  return raw.every(one => Number.isSafeInteger(one?.[0]) && typeof one?.[1] === 'string')
}

function sourcesOf(raw: unknown): Pick<Progress, 'sources'> {
  if (raw === 'in-marker') return { sources: raw }
  return Array.isArray(raw) ? { sources: raw as EncodedSource[] } : {}
}
