import { suite } from '../harness.ts'
import { FaultPlan, type FaultRates } from '../simulator/faults.ts'
import { Random } from '../simulator/random.ts'
import { Scheduler } from '../simulator/scheduler.ts'
import { SimCluster } from '../simulator/sim-cluster.ts'
import { logCases } from './log-cases.ts'
import type { LogWorld } from './log-world.ts'

/** Faults that a caller must not notice: they only take time. */
const harmless: FaultRates = { 'slow-request': 0.05, 'slow-answer': 0.05, compaction: 0.05 }

for (const [name, rates] of [
  ['undisturbed', {}],
  ['slow', harmless],
] as const) {
  const test = suite(`simulated log, ${name}`)
  let world: LogWorld
  test.before(() => {
    world = simWorld(rates)
  })
  test.after(() => world.close())
  logCases(test, () => world)
  test.run()
}

function simWorld(rates: FaultRates): LogWorld {
  const random = new Random('conformance')
  const scheduler = new Scheduler(random.fork('scheduler'), Date.UTC(2026, 0, 1))
  const plan = new FaultPlan(random.fork('plan'), rates)
  const cluster = new SimCluster({ scheduler, random, plan })
  let clients = 0
  const end = scheduler.runInBackground(error => {
    throw error
  })
  return {
    open: () => cluster.open(`client-${++clients}`).log,
    sleep: ms => scheduler.sleep(ms),
    close: async () => {
      end()
      if (cluster.violations.length > 0) throw new Error(cluster.violations.join('\n'))
    },
  }
}
