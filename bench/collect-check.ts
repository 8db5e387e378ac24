import { createHash } from 'node:crypto'
import { unpack } from 'msgpackr'
import { topicRecords } from '../cli/topic-records.ts'
import type { Log } from '../runtime/log.ts'
import { EventSet } from './collect-events.ts'

export interface Checked {
  readonly accepted: number
  readonly found: number
  readonly doubled: number
  /** Of all accepted events, and of those of them that are on the topic. */
  readonly hashes: readonly [accepted: string, found: string]
}

/** Holds the events that were answered 200, by run, against what is on the topic. Throws where one is not. */
export async function checkAccepted(
  log: Log,
  topic: string,
  runs: ReadonlyMap<string, EventSet>,
): Promise<Checked> {
  const found = new Map([...runs.keys()].map(run => [run, new EventSet()]))
  let doubled = 0
  for await (const { value } of topicRecords(log, topic)) {
    const [run = '', number] = String(unpack(value ?? Buffer.alloc(0)).messageId).split(':')
    if (found.get(run)?.add(Number(number)) === false) doubled++
  }
  const sum = (sets: Iterable<EventSet>) => [...sets].reduce((total, { size }) => total + size, 0)
  const hashes = [hashOf(runs, runs), hashOf(runs, found)] as const
  const checked = { accepted: sum(runs.values()), found: sum(found.values()), doubled, hashes }
  for (const [run, accepted] of runs) {
    const lost = accepted.without(found.get(run) ?? new EventSet())
    if (lost > 0) throw new Error(`${lost} events of "${run}" were answered 200 and are lost`)
  }
  return checked
}

/** Of those numbers of `runs` that `present` has, too. */
function hashOf(
  runs: ReadonlyMap<string, EventSet>,
  present: ReadonlyMap<string, EventSet>,
): string {
  const hash = createHash('sha256')
  for (const [run, { bits }] of runs) {
    const own = present.get(run)?.bits ?? Buffer.alloc(0)
    hash.update(run).update(bits.map((byte, at) => byte & (own[at] ?? 0)))
  }
  return hash.digest('hex').slice(0, 16)
}
