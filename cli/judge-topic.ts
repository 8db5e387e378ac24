import { Packr, Unpackr } from 'msgpackr'
import { type Classify, classifier } from '../collect/classify.ts'
import { judgeAgain } from '../collect/judge.ts'
import type { Ruleset } from '../collect/ruleset.ts'
import type { Log } from '../runtime/log.ts'
import { type ReplayedRecord, replay } from './replay.ts'
import { topicRecords } from './topic-records.ts'

export interface JudgeTopicOptions {
  readonly log: Log
  readonly from: string
  /** Where all events go, those with a verdict with the new one; nowhere when left out. */
  readonly to?: { readonly topic: string; readonly partitions: number }
  readonly ruleset: Ruleset
  readonly signal?: AbortSignal
}

export interface JudgedTopic {
  readonly events: number
  /** Opens and clicks with the facts of a verdict. */
  readonly judged: number
  /** How many verdicts became another, by `human → scanner`. */
  readonly changes: ReadonlyMap<string, number>
}

/**
 * Judges every open and click of a topic again. All else is copied as its bytes are, in the order that each key has;
 * what is copied keeps its messageId, so a job that reads the new topic counts what it would have counted.
 */
export async function judgeTopic(options: JudgeTopicOptions): Promise<JudgedTopic> {
  const { log, from, to, signal } = options
  const classify = classifier(options.ruleset)
  const changes = new Map<string, number>()
  const counts = { events: 0, judged: 0 }

  async function* again(): AsyncGenerator<ReplayedRecord> {
    for await (const { key, value } of topicRecords(log, from)) {
      if (signal?.aborted) return
      if (value === null) continue
      counts.events++
      const event = judgedAgain(value, classify)
      if (event !== undefined) {
        counts.judged++
        if (event.before !== event.after) {
          const change = `${event.before} → ${event.after}`
          changes.set(change, (changes.get(change) ?? 0) + 1)
        }
      }
      yield { key, value: event?.value ?? Uint8Array.from(value) }
    }
  }

  if (to === undefined) for await (const _ of again());
  else {
    const producer = log.producer()
    try {
      await replay(again(), { producer, ...to, ...(signal && { signal }) })
    } finally {
      await producer.close()
    }
  }
  return { ...counts, changes }
}

const unpackr = new Unpackr({ mapsAsObjects: true, useRecords: true, int64AsType: 'number' })
const packr = new Packr({ useRecords: false })

interface JudgedAgain {
  readonly value: Uint8Array
  readonly before: string
  readonly after: string
}

/** `undefined`: there is nothing to judge in it. */
function judgedAgain(value: Buffer, classify: Classify): JudgedAgain | undefined {
  const event = decoded(value)
  const again = event && judgeAgain(event, classify)
  if (event === undefined || again === undefined) return undefined
  return {
    value: Uint8Array.from(packr.pack(again)),
    before: verdictOf(event),
    after: verdictOf(again),
  }
}

/** What is no JSON and no msgpack is a job's to refuse, and has no verdict of ours. */
function decoded(value: Buffer): Readonly<Record<string, unknown>> | undefined {
  if (value[0] === 0x00) return undefined
  try {
    const event: unknown = value[0] === 0x7b ? JSON.parse(value.toString()) : unpackr.unpack(value)
    return typeof event === 'object' && event !== null ? { ...event } : undefined
  } catch (error) {
    if (error instanceof Error) return undefined
    throw error
  }
}

function verdictOf({ context }: Readonly<Record<string, unknown>>): string {
  const { classification } = context as { classification?: { verdict?: unknown } }
  return String(classification?.verdict ?? 'none')
}
