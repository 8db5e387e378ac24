import { runTask } from './child-task.ts'
import type { Progress } from './progress.ts'
import { middleBy } from './run-result.ts'
import { type Kind, kinds, type ServeResult, type ServeTask } from './serve-task.ts'

const STOLEN_MAX = 0.02

export type ServerName = 'ours' | 'bare'
type Own = 'kind' | 'tool' | 'requestsPerSecond' | 'port' | 'pid' | 'seed'

export interface Asked {
  readonly server: ServerName
  readonly kind: Kind
  readonly tool: ServeTask['tool']
  readonly result: ServeResult
}

export interface ServeRunsOptions {
  readonly servers: Readonly<Record<ServerName, Pick<ServeTask, 'port' | 'pid'>>>
  readonly common: Omit<ServeTask, Own>
  readonly progress: Progress
}

/** The runs that our server and a bare one are asked to bear, each by a process of its own. */
export class ServeRuns {
  readonly #options: ServeRunsOptions
  #draws = 0

  constructor(options: ServeRunsOptions) {
    this.#options = options
  }

  /** As many as can be, where no rate is given. */
  async ask(server: ServerName, kind: Kind, requestsPerSecond?: number): Promise<Asked> {
    const { servers, common, progress } = this.#options
    const rate = requestsPerSecond === undefined ? {} : { requestsPerSecond }
    const tool = requestsPerSecond === undefined ? 'autocannon' : 'paced'
    progress.next(`${server}: ${kind}, ${tool}`)
    const result = await leastStolen(() =>
      runTask<ServeResult>('./serve-load.ts', {
        ...{ ...common, ...servers[server], ...rate, kind, tool, seed: this.#draws++ },
      } satisfies ServeTask),
    )
    const asked = { server, kind, tool, result } as const
    progress.say(rowOf(asked).join('  '))
    return asked
  }

  /** At a constant rate, all by turns and so many times: of each, the run with the median p99 from outside. */
  async byTurns(rounds: number, requestsPerSecond: number): Promise<Asked[]> {
    const turns = [['bare', 'features'] as const, ...kinds.map(kind => ['ours', kind] as const)]
    const all: Asked[] = []
    for (let round = 0; round < rounds; round++)
      for (const [server, kind] of turns) all.push(await this.ask(server, kind, requestsPerSecond))
    return turns.map(([server, kind]) => {
      const runs = all.filter(each => each.server === server && each.kind === kind)
      return middleBy(runs, ({ result }) => result.p99)
    })
  }
}

export const rowHeads = [
  ...['server', 'what', 'tool', 'requests/s', 'failed', 'server p50 ms', 'p99'],
  ...['outside p50 ms', 'p99', 'CPU µs', 'of the asker', 'waited %', 'stolen %'],
]

export function rowOf({ server, kind, tool, result }: Asked): (string | number)[] {
  const { serverCpuMicros, askerCpuMicros, waitedShare, stolenShare } = result
  const { p50 = Number.NaN, p99 = Number.NaN } = result.server ?? {}
  const shares = [100 * waitedShare, 100 * stolenShare]
  const rest = [p50, p99, result.p50, result.p99, serverCpuMicros, askerCpuMicros, ...shares]
  return [server, kind, tool, rateOf(result), result.failed, ...rest.map(short)]
}

/** Answers a second. */
export const rateOf = ({ requests, failed, seconds }: ServeResult): number =>
  Math.round((requests - failed) / seconds)

/** Asks once more where another machine on the same hardware took from ours, whatever the answer was. */
async function leastStolen(ask: () => Promise<ServeResult>): Promise<ServeResult> {
  const first = await ask()
  if (first.stolenShare <= STOLEN_MAX) return first
  const second = await ask()
  return second.stolenShare < first.stolenShare ? second : first
}

const short = (value: number) => (Number.isNaN(value) ? '–' : Number(value.toFixed(1)))
