import { quintileEdges, type RfmMeasures, rfmMeasures } from '../jobs/rfm-edges.ts'
import type { Log } from '../runtime/log.ts'
import { outputTopics } from '../runtime/outputs.ts'
import type { ReadingOptions } from './committed-records.ts'
import { topicRecords } from './topic-records.ts'
import { UserError } from './user-error.ts'

interface Row {
  readonly asOf: number
  readonly features: Readonly<Record<string, unknown>>
}

interface Measured {
  readonly lastAt: number
  readonly orders: number
  readonly spend: number
}

const dayMs = 86_400_000

/**
 * The lines of a table (CSV) that an `rfm` feature takes its edges from: the quintiles of all users who have ordered, by
 * their newest rows. Days are counted up to the newest row of all, since a row's own stop at its job's last edge.
 * Some 200 bytes of memory for each of these users.
 */
export async function rfmQuintiles(
  log: Log,
  job: string,
  feature: string,
  options: ReadingOptions = {},
): Promise<string[]> {
  const topic = outputTopics(job).features
  const users = new Map<string, Measured>()
  let now = 0
  let rows = 0
  for await (const { key, value } of topicRecords(log, topic, options)) {
    users.delete(String(key))
    if (value === null) continue
    rows++
    const { asOf, features } = JSON.parse(String(value)) as Row
    now = Math.max(now, asOf)
    const { lastAt, orders, spend } = (features[feature] ?? {}) as Partial<Measured>
    if (Number.isFinite(lastAt) && Number.isFinite(orders) && Number.isFinite(spend))
      users.set(String(key), { lastAt, orders, spend } as Measured)
  }
  if (users.size === 0)
    throw new UserError(
      'no_rfm',
      `none of the ${rows} rows of ${topic} has a user who has ordered, by a feature ${JSON.stringify(feature)}: give the name of an rfm feature with --feature, and a job that has taken orders`,
    )
  const edges = quintileEdges(measures(users.values(), now))
  return [
    'measure,edge1,edge2,edge3,edge4',
    ...rfmMeasures.map(measure => [measure, ...edges[measure]].join()),
  ]
}

function* measures(users: Iterable<Measured>, now: number): Generator<RfmMeasures> {
  for (const { lastAt, orders, spend } of users)
    yield { recencyDays: Math.max(0, Math.floor((now - lastAt) / dayMs)), orders, spend }
}
