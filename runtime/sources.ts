import { BadRecord } from './decode.ts'
import type { RekeyedFrom } from './rekeyed.ts'

/** One stream that an input is merged from: its direct records, or one partition of a job's rekeyed ones. */
export interface Source {
  /** '' and -1 for the direct records. */
  readonly job: string
  readonly partition: number
  /** Of the newest record taken: where it lies in `<job>.rekeyed`. */
  era: number
  offset: number
  /** Its own watermark, epoch ms; `undefined` before its first event. */
  time: number | undefined
  /** Append time of its newest record in our input, epoch ms. */
  appendedAt: number
}

/** As it stands in a marker: job, partition, era, offset, time, append time. */
export type EncodedSource = readonly [string, number, number, number, number | null, number]

/**
 * When others' records have been appended for so long since a source's last one, it is idle. What it brings
 * afterwards may be behind the watermark, and is late only where it is further behind than the job allows.
 */
const sourceIdleMs = 10_000
/** Anybody can write a header. At some 60 bytes each, all of them fit into a marker. */
const sourcesMax = 1_000

/**
 * The streams that a task's input is merged from. Forwarders deliver at least once, and each in order; so a
 * rekeyed record is taken once when it is taken only if it lies behind the newest one of its source. What is
 * kept is one offset for each partition of a job that sends here, whatever the number of records.
 */
export class Sources {
  readonly direct: Source
  readonly #rekeyed = new Map<string, Source>()

  /** `watermark` and `appendedAt`: of a task that has had direct records only. */
  constructor(
    { watermark, appendedAt }: { watermark: number | undefined; appendedAt: number },
    encoded: readonly EncodedSource[] = [],
  ) {
    this.direct = { ...nobody, time: watermark, appendedAt }
    for (const [job, partition, era, offset, time, appendedAt] of encoded) {
      const source = { job, partition, era, offset, time: time ?? undefined, appendedAt }
      if (job === '') this.direct = source
      else this.#rekeyed.set(nameOf(job, partition), source)
    }
  }

  /** How many partitions of jobs send here. */
  get size(): number {
    return this.#rekeyed.size
  }

  /**
   * The source of a record that is taken now; `undefined`: it was taken before. `appendedAt`: its own append
   * time. Throws a `BadRecord` where there are too many sources.
   */
  take(from: RekeyedFrom | undefined, appendedAt: number): Source | undefined {
    const source = from === undefined || from.replayed ? this.direct : this.#of(from)
    if (from !== undefined && !from.replayed) {
      if (!isNewer(from, source)) return undefined
      source.era = from.era
      source.offset = from.offset
    }
    source.appendedAt = appendedAt
    return source
  }

  /** The smallest time of those that are not idle when a record is appended at `now`, epoch ms. */
  smallestTime(now: number): number | undefined {
    let smallest = timeUnlessIdle(this.direct, now)
    if (this.#rekeyed.size === 0) return smallest // most jobs; an iterator would be made for nothing
    for (const source of this.#rekeyed.values()) {
      const time = timeUnlessIdle(source, now)
      if (time !== undefined && (smallest === undefined || time < smallest)) smallest = time
    }
    return smallest
  }

  /** For a marker; `undefined` where all records were direct. */
  encode(): EncodedSource[] | undefined {
    if (this.#rekeyed.size === 0) return undefined
    return [this.direct, ...this.#rekeyed.values()].map(
      ({ job, partition, era, offset, time = null, appendedAt }) =>
        [job, partition, era, offset, time, appendedAt] as const,
    )
  }

  #of({ job, partition }: RekeyedFrom): Source {
    const name = nameOf(job, partition)
    const known = this.#rekeyed.get(name)
    if (known) return known
    if (this.#rekeyed.size >= sourcesMax)
      throw new BadRecord(
        'too_many_sources',
        `at most ${sourcesMax} partitions of jobs may send to one input, ${name} is one more`,
      )
    const source: Source = { ...nobody, job, partition }
    this.#rekeyed.set(name, source)
    return source
  }
}

const nobody: Source = {
  job: '',
  partition: -1,
  era: -1,
  offset: -1,
  time: undefined,
  appendedAt: -1,
}

const nameOf = (job: string, partition: number): string => `${job}/${partition}`

/** An era begins where the topic of the rekeyed records may have been made anew, with offsets from 0. */
const isNewer = (from: RekeyedFrom, last: Source): boolean =>
  from.era === last.era ? from.offset > last.offset : from.era > last.era

const timeUnlessIdle = ({ time, appendedAt }: Source, now: number): number | undefined =>
  now - appendedAt <= sourceIdleMs ? time : undefined
