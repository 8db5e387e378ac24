import type { Job } from '../../jobs/job.ts'
import { checkOutputs } from './check-outputs.ts'
import { FaultPlan, type FaultRates, swarm } from './faults.ts'
import { LanguageInput, languageJob } from './language-job.ts'
import { Random } from './random.ts'
import { drawScenario, type Scenario } from './scenario.ts'
import { Scheduler } from './scheduler.ts'
import { SimCluster } from './sim-cluster.ts'
import { SimFleet } from './sim-fleet.ts'
import { Upheavals } from './upheavals.ts'

export interface LanguageResult {
  readonly seed: number
  /** What did not hold, as sentences; none when all is well. */
  readonly problems: readonly string[]
  readonly restarts: number
}

const start = Date.UTC(2026, 0, 1)
const chaosStepsMax = 60_000
const calmStepsMax = 200_000
const calmMs = 20_000
const problemsMax = 20
/** Upheavals under which a job of the language has an exact twin. */
const kinds: readonly Scenario['kind'][] = ['none', 'none', 'retention', 'forgotten-offsets']

/**
 * As `runSeed`, with a random job of the feature language. Rows, states, triggers, late and dead records, and
 * timers that threw must be those of a run-through: the same job, one event after the other, without a crash.
 */
export async function runLanguage(seed: number, rates?: FaultRates): Promise<LanguageResult> {
  const random = new Random(`language ${seed}`)
  const drawn = drawScenario(random.fork('scenario'))
  const scenario: Scenario = {
    ...drawn,
    ...{ idle: 'hold', mode: 'exactly-once', kind: random.pick(kinds) },
  }
  const plan = new FaultPlan(random.fork('plan'), rates ?? swarm(random.fork('rates')))
  const scheduler = new Scheduler(random.fork('scheduler'), start)
  const cluster = new SimCluster({ scheduler, random, plan })
  const job = languageJob(random.fork('job')) as Job<unknown>
  const input = new LanguageInput(random.fork('people'), scenario.partitions, scenario.users)
  const fleet = new SimFleet(cluster, random, scenario, { define: () => job, input })
  const upheavals = new Upheavals(cluster, fleet, random)
  fleet.start()
  upheavals.start()
  await scheduler.run(() => fleet.feed.ended && upheavals.ended, chaosStepsMax)
  plan.end()
  let calmSince = scheduler.now
  const calm = () => {
    if (!fleet.isDone()) calmSince = scheduler.now
    return scheduler.now - calmSince > calmMs
  }
  const end = await scheduler.run(calm, calmStepsMax)
  const checks = { time: 'exact', mode: scenario.mode, timeless: [], deaths: true } as const
  const found =
    end === 'done'
      ? checkOutputs(cluster, job, { ...checks, upheaval: fleet.upheaval })
      : [`it never came to rest: ${end}, ${fleet.lag()}`]
  const problems = [...cluster.violations, ...found].slice(0, problemsMax)
  return { seed, problems, restarts: fleet.restarts }
}
