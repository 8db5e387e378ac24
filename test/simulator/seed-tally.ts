import { allPairs } from './faults.ts'
import type { SeedResult } from './run-seed.ts'

/**
 * The runtime never aborts a transaction by itself: its next owner's fence does. Only jobs that rekey forward, which
 * the simulation of these looks at by itself.
 */
const NOT_AWAITED = ['transactor.abort', 'forward.send']

export interface PointTally {
  readonly point: string
  readonly faults: readonly (readonly [name: string, hits: number])[]
}

/** What many seeds came to: how often each fault hit each await point, what upheavals did, and which seeds failed. */
export class SeedTally {
  readonly failures: string[] = []
  private readonly hits: Map<string, number>
  private readonly bites = new Map<string, number>()
  private readonly kinds = new Map<string, number>()
  private readonly file: string
  private seeds = 0
  /** Of processes, by crashes. */
  restarts = 0

  /** `file`: the test that runs a seed alone. */
  constructor(file = 'seeds.test.ts', notAwaited: readonly string[] = NOT_AWAITED) {
    this.file = file
    const awaited = allPairs().filter(pair => !notAwaited.includes(pair.split(' ')[0] ?? ''))
    this.hits = new Map(awaited.map(pair => [pair, 0]))
  }

  add({ seed, scenario, problems, hits, bites, restarts }: Omit<SeedResult, 'digest'>): void {
    this.seeds++
    this.restarts += restarts
    count(this.hits, hits)
    count(this.bites, bites)
    count(this.kinds, [[`${scenario.kind}, ${scenario.mode}, ${scenario.idle}`, 1]])
    if (problems.length === 0) return
    const replay = `MILLRACE_SEED=${seed} node --import ./bin/typescript.js test/simulator/${this.file}`
    this.failures.push(`seed ${seed} (${replay}): ${problems.slice(0, 5).join('\n    ')}`)
  }

  /** Faults that never hit an await point where they are possible. */
  get never(): string[] {
    return [...this.hits].filter(([, hits]) => hits === 0).map(([pair]) => pair)
  }

  /** For each await point its faults, and which of them hit it least. */
  byPoint(): readonly PointTally[] {
    const points = new Map<string, [string, number][]>()
    for (const [pair, hits] of this.hits) {
      const [point = '', fault = ''] = pair.split(' ')
      points.set(point, [...(points.get(point) ?? []), [fault, hits]])
    }
    return Array.from(points, ([point, faults]) => ({ point, faults }))
  }

  print(): void {
    console.log(`\n  ${this.seeds} seeds, ${this.restarts} restarts; faults by await point:`)
    for (const { point, faults } of this.byPoint())
      console.log(`    ${point}: ${faults.map(each => each.join(' ')).join(', ')}`)
    console.log(`  scenarios: ${listed(this.kinds)}`)
    console.log(`  upheavals: ${listed(this.bites)}`)
  }
}

function count(into: Map<string, number>, counts: Iterable<readonly [string, number]>): void {
  for (const [name, more] of counts) into.set(name, (into.get(name) ?? 0) + more)
}

const listed = (counts: ReadonlyMap<string, number>): string =>
  [...counts].map(([name, number]) => `${name} ${number}`).join('; ')
