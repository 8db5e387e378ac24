import type { Job } from '../../jobs/job.ts'
import { chainSource, chainTarget } from './chain-jobs.ts'
import { checkIdentity } from './check-identity.ts'
import { checkOutputs } from './check-outputs.ts'
import { checkQuiet } from './check-quiet.ts'
import { checkForwards } from './check-rekeyed.ts'
import { FaultPlan, type FaultRates, swarm } from './faults.ts'
import { IdentityInput } from './identity-input.ts'
import { identityJob } from './identity-job.ts'
import { Random } from './random.ts'
import type { SeedResult } from './run-seed.ts'
import { drawScenario, type Scenario } from './scenario.ts'
import { Scheduler } from './scheduler.ts'
import { SimCluster } from './sim-cluster.ts'
import { SimFleet } from './sim-fleet.ts'
import { TIMELESS } from './sim-job.ts'
import { Upheavals } from './upheavals.ts'

/** `chained`: a job whose output is another one's input. `identity`: a job that rekeys to its own input. */
export type ChainShape = 'chained' | 'identity'

export interface ChainOptions {
  readonly rates?: FaultRates
  readonly scenario?: Partial<Scenario>
}

const START = Date.UTC(2026, 0, 1)
const CHAOS_STEPS_MAX = 120_000
const CALM_STEPS_MAX = 400_000
const CALM_MS = 20_000
const PROBLEMS_MAX = 100
/** Upheavals under which the model knows what each record becomes. */
const KINDS: readonly Scenario['kind'][] = ['none', 'none', 'forgotten-offsets', 'deadly-records']

/** As `runSeed`, with events that go from key to key. */
export async function runChain(
  shape: ChainShape,
  seed: number,
  options: ChainOptions = {},
): Promise<Omit<SeedResult, 'digest'>> {
  const random = new Random(`${shape} ${seed}`)
  const drawn = drawScenario(random.fork('scenario'))
  const kind = shape === 'chained' ? random.pick(KINDS) : 'none'
  const scenario: Scenario = {
    ...drawn,
    ...{ kind, mode: kind === 'deadly-records' ? 'exactly-once' : drawn.mode },
    ...options.scenario,
  }
  const plan = new FaultPlan(random.fork('plan'), options.rates ?? swarm(random.fork('rates')))
  const scheduler = new Scheduler(random.fork('scheduler'), START)
  const cluster = new SimCluster({ scheduler, random, plan })
  const fleets = fleetsOf(shape, cluster, random, scenario)
  const problems = await play(cluster, plan, fleets, random)
  if (problems.length === 0) problems.push(...checkAll(shape, cluster, plan, fleets))
  return {
    seed,
    scenario,
    problems: [...cluster.violations, ...problems].slice(0, PROBLEMS_MAX),
    hits: plan.hits,
    steps: scheduler.steps,
    virtualMs: scheduler.now - START,
    restarts: fleets.reduce((sum, { restarts }) => sum + restarts, 0),
    bites: new Map(fleets.flatMap(({ bites }) => [...bites])),
  }
}

function fleetsOf(
  shape: ChainShape,
  cluster: SimCluster,
  random: Random,
  scenario: Scenario,
): SimFleet[] {
  const { idle, users, partitions } = scenario
  if (shape === 'identity') {
    const input = new IdentityInput(random.fork('people'), partitions, users)
    return [
      new SimFleet(cluster, random, scenario, {
        define: () => identityJob({ idle }) as Job<unknown>,
        input,
      }),
    ]
  }
  const other = {
    ...scenario,
    partitions: random.pick([1, 2, 3]),
    machines: random.pick([1, 2]),
    events: random.pick([1, 20, 60]),
    transactionalInput: false,
  }
  const target = new SimFleet(cluster, random, other, {
    define: () => chainTarget({ idle, users }),
  })
  const source = new SimFleet(cluster, random, scenario, {
    define: () => chainSource({ idle, users }),
  })
  return [source, target]
}

async function play(
  cluster: SimCluster,
  plan: FaultPlan,
  fleets: readonly SimFleet[],
  random: Random,
): Promise<string[]> {
  const { scheduler } = cluster
  const upheavals = fleets.map(fleet => new Upheavals(cluster, fleet, random))
  for (const fleet of fleets) fleet.start()
  for (const each of upheavals) each.start()
  const over = () => fleets.every(({ feed }) => feed.ended) && upheavals.every(({ ended }) => ended)
  await scheduler.run(over, CHAOS_STEPS_MAX)
  plan.end()
  let calmSince = scheduler.now
  const calm = () => {
    if (!fleets.every(fleet => fleet.isDone())) calmSince = scheduler.now
    return scheduler.now - calmSince > CALM_MS
  }
  const end = await scheduler.run(calm, CALM_STEPS_MAX)
  if (end === 'done') return []
  return [`it never came to rest: ${end}, ${fleets.map(fleet => fleet.lag()).join('; ')}`]
}

function checkAll(
  shape: ChainShape,
  cluster: SimCluster,
  plan: FaultPlan,
  fleets: readonly SimFleet[],
): string[] {
  const problems: string[] = []
  const rightClocks = ![...plan.hits.keys()].some(hit => hit.endsWith(' clock-jump'))
  for (const { scenario, upheaval, job } of fleets) {
    const found = checkOutputs(cluster, job, {
      time: scenario.idle === 'hold' ? 'exact' : 'wall-clock',
      mode: scenario.mode,
      timeless: shape === 'chained' ? TIMELESS : ['count', 'ids'],
      deaths: true,
      upheaval,
    })
    problems.push(...found.map(each => `${job.name}: ${each}`))
    if (job.rekeys !== undefined) problems.push(...checkForwards(cluster, job))
    if (scenario.idle === 'wall-clock' && rightClocks)
      problems.push(...checkQuiet(cluster, job.name))
  }
  const [fleet] = fleets
  if (shape === 'identity' && fleet?.scenario.mode === 'exactly-once')
    problems.push(...checkIdentity(cluster, fleet.job.name, fleet.job.input))
  return problems
}
