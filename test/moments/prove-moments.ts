import { seededRandom } from '../../cli/random.ts'
import { defineJob, min, sessions } from '../../jobs/define-job.ts'
import type { Event } from '../../jobs/event.ts'
import { testJob } from '../../runtime/test-job.ts'
import { assert } from '../harness.ts'
import { type Answer, Duck } from './ask-duckdb.ts'
import {
  aggregates,
  type Decay,
  type MomentAggregate,
  matrixJob,
  timeless,
  windows,
} from './matrix.ts'
import { eventOf, type MomentRow } from './rows.ts'

export interface MomentsProof {
  readonly users: number
  /** Values that were held against DuckDB's. */
  readonly compared: number
}

const outOfOrdernessMs = 30_000
const differencesMax = 20

/**
 * Drives every aggregate in every window over the rows, and at so many seeded moments, the last of them the
 * end, holds every feature of every user seen so far against DuckDB. At every tenth moment the job is restarted.
 */
export async function proveMoments(
  rows: readonly MomentRow[],
  {
    decay,
    moments,
    seed,
  }: { readonly decay: Decay; readonly moments: number; readonly seed: number },
): Promise<MomentsProof> {
  const job = testJob(matrixJob(decay), { at: 0 })
  const duck = await Duck.open(rows)
  const random = seededRandom(seed)
  const stops = new Set([rows.length - 1])
  while (stops.size < Math.min(moments, rows.length)) stops.add(Math.floor(random() * rows.length))
  let stopped = 0
  const differences: string[] = []
  let newest = Number.NEGATIVE_INFINITY
  let compared = 0
  let users = 0
  try {
    for (const [line, row] of rows.entries()) {
      job.send(eventOf(row, line))
      newest = Math.max(newest, row.ms)
      if (!stops.has(line)) continue
      if (stopped++ % 10 === 0) job.restart()
      const watermark = decay === 'time' ? newest - outOfOrdernessMs : undefined
      const answer = await duck.ask(line, watermark, decay)
      users = answer.size
      for (const user of answer.keys()) {
        const found = job.features(user) ?? {}
        compared += Object.keys(found).length
        for (const each of compare(found, answer, user, decay))
          differences.push(`after line ${line}, ${user}: ${each}`)
      }
      if (differences.length > differencesMax) break
    }
    assert.is(differences.slice(0, differencesMax).join('\n'), '')
    assert.equal([job.dead(), job.late()], [[], []])
    return { users, compared }
  } finally {
    duck.close()
  }
}

function* compare(
  found: Readonly<Record<string, unknown>>,
  answer: Answer,
  user: string,
  decay: Decay,
): Generator<string> {
  const expected = answer.get(user) ?? {}
  const words = (name: string): Record<string, MomentAggregate> =>
    name === 'ever' ? { ...aggregates, ...timeless(decay) } : aggregates
  for (const name of Object.keys(windows))
    for (const [word, { none, within = 1e-9 }] of Object.entries(words(name))) {
      const feature = `${word}_${name}`
      const right = feature in expected ? expected[feature] : none
      if (!same(found[feature], right, within))
        yield `${feature} is ${JSON.stringify(found[feature])}, expected ${JSON.stringify(right)}`
    }
}

function same(found: unknown, expected: unknown, within: number): boolean {
  if (typeof found === 'number' && typeof expected === 'number')
    return Math.abs(found - expected) <= within * Math.abs(expected) + 1e-9
  return JSON.stringify(found) === JSON.stringify(expected)
}

/**
 * Visits of all users, so far apart, as the rows of a job tell that they begin. An event that comes late may make
 * two of them one, or begin one earlier.
 */
export function visitsOf(rows: readonly MomentRow[], gapSeconds: number): number {
  const value = (event: Event) => event.timestamp
  const start = min({ value, window: sessions(`${gapSeconds}s`) })
  const definition = { name: 'visits', input: 'events', idle: 'hold', features: { start } } as const
  const job = testJob(defineJob(definition), { at: 0 })
  const starts = new Map<string, number[]>()
  for (const [line, row] of rows.entries()) {
    job.send(eventOf(row, line))
    const began = job.features(row.user)?.start
    const own = starts.get(row.user) ?? []
    starts.set(row.user, own)
    if (typeof began !== 'number') continue // it came so late that its visit is over
    while ((own.at(-1) ?? began) > began) own.pop()
    if (own.at(-1) !== began) own.push(began)
  }
  return [...starts.values()].reduce((sum, { length }) => sum + length, 0)
}
