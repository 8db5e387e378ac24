import type { Logger } from 'pino'

/**
 * Since when each feature of a job has been there, as it stands in a task's progress: the first input offset that
 * it could take, and the ids of the features that began there, one after the other.
 */
export type FeatureBegins = readonly (readonly [next: number, ids: string])[]

/** Names of features that begin now, new or changed, and of those that are gone. */
export interface FeatureChanges {
  readonly begun: readonly string[]
  readonly vanished: readonly string[]
}

/** Of features that were there before anybody kept book, or whose book grew too long: nobody knows. */
export const unknownBegin = -1
/** All of it must fit into an offset's metadata, beside the rest. */
const lengthMax = 2_000

/**
 * The book of a job that goes on at `next`. `before`: that of the definition until now, `undefined` where none
 * was kept; `ids` of the features that there are now, by name.
 */
export function featureBegins(
  before: FeatureBegins | undefined,
  ids: Readonly<Record<string, string>>,
  next: number,
): FeatureBegins {
  const known = new Map<string, number>()
  for (const [begin, group] of before ?? []) for (const id of splitIds(group)) known.set(id, begin)
  const groups = new Map<number, string>()
  for (const id of Object.values(ids)) {
    const begin = before === undefined ? unknownBegin : (known.get(id) ?? next)
    groups.set(begin, (groups.get(begin) ?? '') + id)
  }
  const begins = [...groups].sort(([one], [other]) => one - other)
  while (JSON.stringify(begins).length > lengthMax && begins.length > 1) {
    const [[, oldest], [, older]] = begins.splice(0, 2) as [[number, string], [number, string]]
    begins.unshift([unknownBegin, oldest + older])
  }
  return begins
}

/** Where the feature of this id began; `undefined`: it is not there. */
export function beginOf(begins: FeatureBegins, id: string): number | undefined {
  return begins.find(([, group]) => splitIds(group).includes(id))?.[0]
}

/** Names of the features that were not there before: they were added, or are defined otherwise. */
export function begunSince(
  before: FeatureBegins | undefined,
  ids: Readonly<Record<string, string>>,
): string[] {
  if (before === undefined) return []
  const names = Object.entries(ids).filter(([, id]) => beginOf(before, id) === undefined)
  return names.map(([name]) => name)
}

/** Of how many features the definition until now had, there is none any more: they were removed, or are defined otherwise. */
export function goneSince(
  before: FeatureBegins | undefined,
  ids: Readonly<Record<string, string>>,
): number {
  const present = new Set(Object.values(ids))
  return (before ?? []).flatMap(([, group]) => splitIds(group)).filter(id => !present.has(id))
    .length
}

/** `next`: where the task goes on. */
export function tellChanges(
  { begun, vanished }: FeatureChanges,
  next: number,
  logger: Pick<Logger, 'info'>,
): void {
  if (begun.length > 0) logger.info({ next, features: begun }, 'features begin: new, or changed')
  if (vanished.length > 0)
    logger.info({ next, features: vanished }, 'features vanish: the job has them no more')
}

const idLength = 5

function splitIds(group: string): string[] {
  return group.match(new RegExp(`.{${idLength}}`, 'gs')) ?? []
}
