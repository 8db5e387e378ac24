import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { type AllKept, readKept, round } from './kept.ts'
import { table } from './results.ts'

interface Target {
  readonly what: string
  readonly wanted: string
  /** What stands in the way of an answer is that a benchmark was not run in full size: undefined. */
  readonly ours: (figure: Find) => Answer | undefined
}

interface Answer {
  readonly told: string
  readonly reached: boolean
}

/** A kept figure; NaN where no run has it. */
type Find = (benchmark: string, figure: string) => number

const page = fileURLToPath(new URL('../docs/PERFORMANCE.md', import.meta.url))
const charts = fileURLToPath(new URL('../docs/charts', import.meta.url))
const [us, streams, flink] = ['Millrace', 'Kafka Streams', 'Flink']

/** Of the comparison's first set. */
const shop = (figure: Find, engine: string, what: string) =>
  figure('Comparison', `set 1, ${engine}: ${what}`)
const latencyOf = (figure: Find, engine: string, what: string) =>
  figure('Comparison: latency', `${engine}, 500/s: ${what}`)
const times = (value: number) => `${round(value)} ×`

function atLeast(value: number, wanted: number, told = times(value)): Answer | undefined {
  return Number.isNaN(value) ? undefined : { told, reached: value >= wanted }
}

function atMost(value: number, wanted: number, told = times(value)): Answer | undefined {
  return Number.isNaN(value) ? undefined : { told, reached: value <= wanted }
}

const targets: readonly Target[] = [
  {
    what: 'events/s against Flink',
    wanted: '≥ 2 ×',
    ours: of => atLeast(shop(of, us, 'speed') / shop(of, flink, 'speed'), 2),
  },
  {
    what: 'events/s against Kafka Streams',
    wanted: '≥ 3 ×',
    ours: of => atLeast(shop(of, us, 'speed') / shop(of, streams, 'speed'), 3),
  },
  {
    what: 'CPU seconds for a million events, against the better of them',
    wanted: '≤ 0.5 ×',
    ours: of => {
      const better = Math.min(shop(of, flink, 'CPU'), shop(of, streams, 'CPU'))
      return atMost(shop(of, us, 'CPU') / better, 0.5)
    },
  },
  {
    what: 'most memory against Flink',
    wanted: '≤ 0.5 ×',
    ours: of => atMost(shop(of, us, 'memory') / shop(of, flink, 'memory'), 0.5),
  },
  {
    what: 'exactly-once latency at 500 events/s, p50',
    wanted: '≤ 10 ms; goal 6',
    ours: of => ms(latencyOf(of, us, 'p50'), 10),
  },
  {
    what: 'the same, p99',
    wanted: '≤ 45 ms; goal 30',
    ours: of => ms(latencyOf(of, us, 'p99'), 45),
  },
  {
    what: 'exactly-once p50 against the better peer at its quickest',
    wanted: '≤ 0.5 ×',
    ours: of => atMost(latencyOf(of, us, 'p50') / quickest(of, 'p50'), 0.5),
  },
  {
    what: 'exactly-once p99 against the better peer at its quickest',
    wanted: '≤ 0.25 ×',
    ours: of => atMost(latencyOf(of, us, 'p99') / quickest(of, 'p99'), 0.25),
  },
  {
    what: 'at-least-once p50 against Kafka Streams’ at-least-once',
    wanted: '< 1 ×',
    ours: of => atMost(leastOnce(of, 'p50'), 0.9999),
  },
  {
    what: 'at-least-once p99 against the same',
    wanted: '< 1 ×',
    ours: of => atMost(leastOnce(of, 'p99'), 0.9999),
  },
  {
    what: 'events/s of msgpack against our JSON',
    wanted: '≥ 1.3 ×',
    ours: of =>
      atLeast(of('Formats', 'millrace, msgpack: speed') / of('Formats', 'millrace: speed'), 1.3),
  },
  {
    what: 'events/s at 10,000,000 users (Zipf) against 100,000',
    wanted: '≥ 0.5 ×',
    ours: of => atLeast(of('Growth', 'most / fewest users, Zipf'), 0.5),
  },
  {
    what: 'two lanes against one, without a broker',
    wanted: '≥ 1.7 ×',
    ours: of => atLeast(of('Lanes', '2 lanes / 1 lane'), 1.7),
  },
  {
    what: 'first new row after kill -9 at half of full load, 1,000,000 users',
    wanted: '≤ 2,000 ms',
    ours: of => ms(of('Recovery', 'killed: first row'), 2_000),
  },
  {
    what: 'cold restore',
    wanted: '≥ 80,000 users/s; goal 150,000',
    ours: of => perSecond(of('Recovery', 'restore'), 80_000, 'users/s'),
  },
  {
    what: 'the pipeline alone, one thread',
    wanted: '≥ 250,000 events/s',
    ours: of => perSecond(of('Pipeline', 'json'), 250_000, 'events/s'),
  },
  ...(
    [
      ['collect at 10,000 single events/s', '10000, single'],
      ['collect at 50,000 events/s in batches of 100', '500, of 100'],
    ] as const
  ).flatMap(([what, load]): Target[] => [
    {
      what: `${what}: p99 in the server`,
      wanted: '≤ 50 ms',
      ours: of => ms(of('Collect', `${load}, brokers: p99 in the server`), 50),
    },
    {
      what: 'the same, from outside, against a bare server',
      wanted: '≤ 2 ×',
      ours: of => {
        const outside = (server: string) => of('Collect', `${load}, ${server}: p99 from outside`)
        return atMost(outside('brokers') / outside('bare'), 2)
      },
    },
  ]),
  {
    what: 'serve at 5,000 requests/s and 2,000 rows/s: features, p99 in the server',
    wanted: '≤ 5 ms',
    ours: of => ms(of('Serve', 'features: server p99'), 5),
  },
  ...(['block', 'amp', 'recommendations'] as const).map(
    (kind): Target => ({
      what: `the same: ${kind}`,
      wanted: '≤ 20 ms',
      ours: of => ms(of('Serve', `${kind}: server p99`), 20),
    }),
  ),
  {
    what: 'features from outside, p99, against a bare server',
    wanted: '≤ 2 ×',
    ours: of =>
      atMost(of('Serve', 'features: p99 from outside') / of('Serve', 'bare: p99 from outside'), 2),
  },
  {
    what: 'serve ready with 1,000,000 rows, from an empty folder',
    wanted: '≤ 30,000 ms',
    ours: of => ms(of('Serve', 'ready from an empty folder'), 30_000),
  },
  {
    what: 'the same, again',
    wanted: '≤ 2,000 ms',
    ours: of => ms(of('Serve', 'ready again'), 2_000),
  },
  {
    what: 'from collect to serve at 500 events/s, p50',
    wanted: '≤ 30 ms',
    ours: of => ms(of('Freshness', '500/s: p50'), 30),
  },
  {
    what: 'the same, p99',
    wanted: '≤ 150 ms',
    ours: of => ms(of('Freshness', '500/s: p99'), 150),
  },
]

const ms = (value: number, wanted: number) => atMost(value, wanted, `${round(value)} ms`)
const perSecond = (value: number, wanted: number, unit: string) =>
  atLeast(value, wanted, `${Math.round(value).toLocaleString('en')} ${unit}`)
const quickest = (of: Find, what: string) =>
  Math.min(latencyOf(of, `${streams}, 10 ms`, what), latencyOf(of, `${flink}, 100 ms`, what))
const leastOnce = (of: Find, what: string) =>
  latencyOf(of, `${us}, at least once`, what) / latencyOf(of, `${streams}, at least once`, what)

/** Puts into docs/PERFORMANCE.md, between marks, what is kept beside what is wanted, and the pictures that there are. */
export function writePage(kept: AllKept = readKept()): void {
  const text = withBlock(readFileSync(page, 'utf8'), 'targets', targetsTable(kept))
  writeFileSync(page, withBlock(text, 'pictures', picturesText()))
}

/** Those of the comparison stand in its own section. */
function picturesText(): string {
  const names = readdirSync(charts).filter(name => name.endsWith('.svg') && !/^peers-/.test(name))
  return names
    .sort()
    .map(name => {
      const [, label = name] =
        /aria-label="([^"]+)"/.exec(readFileSync(`${charts}/${name}`, 'utf8')) ?? []
      return `![${label}](charts/${name})`
    })
    .join('\n\n')
}

function withBlock(text: string, name: string, body: string): string {
  const [begin, end] = [`<!-- ${name}: written by npm run bench -->`, `<!-- /${name} -->`]
  const [from, to] = [text.indexOf(begin), text.indexOf(end)]
  if (from < 0 || to < from) throw new Error(`${page} has no ${begin} before ${end}`)
  return `${text.slice(0, from + begin.length)}\n\n${body}\n\n${text.slice(to)}`
}

/** A row for each target; figures that no run has kept yet are told as such. */
export function targetsTable(kept: AllKept): string {
  const find: Find = (benchmark, name) =>
    kept[benchmark]?.figures.find(figure => figure.name === name)?.value ?? Number.NaN
  const rows = targets.map(({ what, wanted, ours }) => {
    const answer = ours(find)
    return [what, wanted, answer?.told ?? 'not measured', answer ? mark(answer) : '–']
  })
  return table(['what', 'target', 'ours', 'reached'], rows)
}

const mark = ({ reached }: Answer) => (reached ? 'yes' : 'no')
