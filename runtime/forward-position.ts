import { type Committed, LogError, type NextOffset, nextOffset } from './log.ts'

/** Where a forwarder goes on, and what is noted beside it. */
export interface ForwardPosition {
  readonly next: NextOffset
  readonly metadata: string
}

export interface ForwardFacts {
  readonly topic: string
  readonly partition: number
  readonly era: number
  /** A person said that records which are gone may be passed over. */
  readonly acceptLoss: boolean
  /** What is committed; `undefined` where nothing is, or not by us. */
  readonly begun: { readonly next: NextOffset; readonly era: number } | undefined
  readonly range: { readonly start: NextOffset; readonly end: NextOffset }
}

/**
 * Decides without I/O where to go on. From the start of the topic is always right, and costs time only, since
 * the receivers drop what they have: so it is done where nothing is committed (Kafka forgets offsets after
 * seven days), and where a person has raised the era, since the topic may have been made anew.
 *
 * @throws LogError `refused`, with the remedy
 */
export function forwardPosition(facts: ForwardFacts): ForwardPosition {
  const { topic, partition, era, acceptLoss, begun, range } = facts
  const metadata = JSON.stringify({ v: 1, era })
  if (begun === undefined || begun.era < era) return { next: range.start, metadata }
  const { next } = begun
  const has = `partition ${partition} of ${topic} has offsets ${range.start} to ${range.end}`
  if (next > range.end) {
    throw new LogError(
      'refused',
      `${next} is to be forwarded next, and ${has}: the topic was made anew. If that was meant, start with --era ${era + 1}`,
    )
  }
  if (next < range.start && !acceptLoss) {
    throw new LogError(
      'refused',
      `${range.start - next} rekeyed records are lost: ${next} is to be forwarded next, and ${has}. To go on without them, start with --accept-loss`,
    )
  }
  return { next: nextOffset(Math.max(next, range.start)), metadata }
}

/** `undefined` for metadata that is not ours: somebody moved the offset. */
export function parsePosition({ next, metadata }: Committed): ForwardFacts['begun'] {
  const [, era] = /^\{"v":1,"era":(\d+)\}$/.exec(metadata) ?? []
  return era === undefined ? undefined : { next, era: Number(era) }
}
