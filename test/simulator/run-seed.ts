import { createHash } from 'node:crypto'
import { outputTopics } from '../../runtime/outputs.ts'
import { checkOutputs } from './check-outputs.ts'
import { checkQuiet } from './check-quiet.ts'
import { FaultPlan, type FaultRates, swarm } from './faults.ts'
import { Random } from './random.ts'
import { drawScenario, type Scenario } from './scenario.ts'
import { Scheduler } from './scheduler.ts'
import { SimCluster } from './sim-cluster.ts'
import { SimFleet } from './sim-fleet.ts'
import { TIMELESS } from './sim-job.ts'
import { Upheavals } from './upheavals.ts'

export interface SeedOptions {
  /** Instead of the seed's own mix. */
  readonly rates?: FaultRates
  /** Instead of what the seed draws. */
  readonly scenario?: Partial<Scenario>
}

export interface SeedResult {
  readonly seed: number
  readonly scenario: Scenario
  /** What did not hold, as sentences; none when all is well. */
  readonly problems: readonly string[]
  readonly hits: ReadonlyMap<string, number>
  readonly steps: number
  readonly virtualMs: number
  readonly restarts: number
  /** What the upheaval came to, by name: an upheaval that never bites proves nothing. */
  readonly bites: ReadonlyMap<string, number>
  /** Of all outputs: two runs of one seed have the same. */
  readonly digest: string
}

const START = Date.UTC(2026, 0, 1)
const CHAOS_STEPS_MAX = 60_000
const CALM_STEPS_MAX = 200_000
/** Longer than sessions, transactions and what a caller waits for an answer. */
const CALM_MS = 20_000
const PROBLEMS_MAX = 100

/** Runs the production path under one seed's events and faults, lets it come to rest, and checks everything. */
export async function runSeed(seed: number, options: SeedOptions = {}): Promise<SeedResult> {
  const random = new Random(seed)
  const scenario = { ...drawScenario(random.fork('scenario')), ...options.scenario }
  const plan = new FaultPlan(random.fork('plan'), options.rates ?? swarm(random.fork('rates')))
  const scheduler = new Scheduler(random.fork('scheduler'), START)
  const cluster = new SimCluster({ scheduler, random, plan })
  const fleet = new SimFleet(cluster, random, scenario)
  const problems = await play(cluster, plan, fleet, new Upheavals(cluster, fleet, random))
  const told = [...cluster.violations, ...problems].slice(0, PROBLEMS_MAX)
  return {
    seed,
    scenario,
    problems: told,
    hits: plan.hits,
    steps: scheduler.steps,
    virtualMs: scheduler.now - START,
    restarts: fleet.restarts,
    bites: fleet.bites,
    digest: digest(cluster, fleet.job.name),
  }
}

async function play(
  cluster: SimCluster,
  plan: FaultPlan,
  fleet: SimFleet,
  upheavals: Upheavals,
): Promise<string[]> {
  const { scheduler } = cluster
  fleet.start()
  upheavals.start()
  await scheduler.run(() => fleet.feed.ended && upheavals.ended, CHAOS_STEPS_MAX)
  plan.end()
  let calmSince = scheduler.now
  const calm = () => {
    if (!fleet.isDone()) calmSince = scheduler.now
    return scheduler.now - calmSince > CALM_MS
  }
  const end = await scheduler.run(calm, CALM_STEPS_MAX)
  if (end !== 'done') return [`it never came to rest: ${end}, ${fleet.lag()}`]
  const { scenario, upheaval, job } = fleet
  const outputs = checkOutputs(cluster, job, {
    time: scenario.idle === 'hold' ? 'exact' : 'wall-clock',
    mode: scenario.mode,
    timeless: TIMELESS,
    deaths: true,
    upheaval,
  })
  const rightClocks = ![...plan.hits.keys()].some(hit => hit.endsWith(' clock-jump'))
  if (scenario.idle === 'hold' || !rightClocks) return outputs
  return [...outputs, ...checkQuiet(cluster, job.name)]
}

function digest(cluster: SimCluster, job: string): string {
  const { commits: _, ...topics } = outputTopics(job)
  const hash = createHash('sha1')
  for (const topic of Object.values(topics)) {
    if (!cluster.spec(topic)) continue
    for (const partition of cluster.partitions(topic)) {
      for (const { offset, key, value } of partition.everCommitted()) {
        hash.update(`${topic} ${partition.partition} ${offset} ${key} `)
        hash.update(value ?? 'null')
      }
    }
  }
  return hash.digest('hex')
}
