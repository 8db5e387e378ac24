import { topicRecords } from '../../cli/topic-records.ts'
import type { Log } from '../../runtime/log.ts'

/** What a reader of a job's output topics finds, with what must never be there. */
export interface JobOutputs {
  /** The newest row's features, by key. */
  readonly features: Map<string, Readonly<Record<string, unknown>>>
  /** Rows in the topic; at least as many as keys. */
  readonly rows: number
  /** Rows whose version is not above the one before of the same key; none, when all is well. */
  readonly versionsNotGrowing: string[]
  /** How often each key fired each trigger: `firstOrder` → key → times. */
  readonly triggers: Map<string, Map<string, number>>
  /** Dead letters by code. */
  readonly dead: Map<string, number>
  /** Input places (`partition/offset`) that are dead more than once; none, when all is well. */
  readonly deadTwice: string[]
}

/** Reads the committed features, triggers and dead letters of a job to their ends. */
export async function readOutputs(log: Log, job: string): Promise<JobOutputs> {
  const rows = await readRows(log, `${job}.features`)
  const triggers = await readTriggers(log, `${job}.triggers`)
  const deadLetters = await readDead(log, `${job}.dead`)
  return { ...rows, triggers, ...deadLetters }
}

async function readRows(log: Log, topic: string) {
  const features = new Map<string, Readonly<Record<string, unknown>>>()
  const versions = new Map<string, Version>()
  const versionsNotGrowing: string[] = []
  let rows = 0
  for await (const { key, value, partition, offset } of topicRecords(log, topic)) {
    if (value === null) continue
    const row = JSON.parse(value.toString()) as FeatureRow
    const place = `${topic} ${partition}/${offset}`
    if (row.key !== key) throw new Error(`${place} has key ${key}, and its row key ${row.key}`)
    const before = versions.get(row.key)
    if (before !== undefined && compare(row.version, before) <= 0)
      versionsNotGrowing.push(`${place}: key ${key} has ${row.version} after ${before}`)
    rows += 1
    versions.set(row.key, row.version)
    features.set(row.key, row.features)
  }
  return { features, rows, versionsNotGrowing }
}

async function readTriggers(log: Log, topic: string): Promise<JobOutputs['triggers']> {
  const triggers: JobOutputs['triggers'] = new Map()
  for await (const { value } of topicRecords(log, topic)) {
    const { trigger, key } = JSON.parse(String(value)) as { trigger: string; key: string }
    const times = triggers.get(trigger) ?? new Map<string, number>()
    times.set(key, (times.get(key) ?? 0) + 1)
    triggers.set(trigger, times)
  }
  return triggers
}

async function readDead(log: Log, topic: string) {
  const dead = new Map<string, number>()
  const seen = new Set<string>()
  const deadTwice: string[] = []
  for await (const record of topicRecords(log, topic)) {
    const headers = new Map(record.headers().map(([name, value]) => [name, value.toString()]))
    const code = headers.get('error-code') ?? 'no code'
    dead.set(code, (dead.get(code) ?? 0) + 1)
    const place = `${headers.get('partition')}/${headers.get('offset')}`
    if (seen.has(place)) deadTwice.push(place)
    seen.add(place)
  }
  return { dead, deadTwice }
}

interface FeatureRow {
  readonly key: string
  readonly version: Version
  readonly features: Readonly<Record<string, unknown>>
}

/** `[offset, revision]`, compared in that order. */
type Version = readonly [number, number]

function compare([offset, revision]: Version, [otherOffset, otherRevision]: Version): number {
  return offset - otherOffset || revision - otherRevision
}
