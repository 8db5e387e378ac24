import { parseArgs } from 'node:util'
import type { Job } from '../jobs/job.ts'
import type { OutgoingRecord } from '../protocol/record-batch.ts'
import { type WorkloadOptions, workload } from './events.ts'
import { hashOfFeatures } from './features-hash.ts'
import { sizeFlag, wholeFlag } from './flags.ts'
import { encodeEvent, type Format } from './input.ts'
import type { Figure } from './kept.ts'
import { naiveFeatures, type UserFeatures } from './naive.ts'
import peerJob from './peer-job.ts'
import { type PipelineRun, runPipeline } from './pipeline-run.ts'
import { profiled } from './profile.ts'
import { openProgress } from './progress.ts'
import { publish } from './publish.ts'
import { table } from './results.ts'
import { median } from './run-result.ts'

export const pipelineHelp = `npm run bench -- pipeline [flags]

  One task's pipeline alone, on one thread: from the bytes of fetched batches to packed rows and states. No broker, no
  disk, no other thread. Over the events of the comparison, as JSON and as msgpack; every user's features are held
  against a plain recomputation.

  --size small|large    20,000 events, or 500,000 (default)
  --events N            another number of events
  --commit-events N     between two commits; 250,000 (default) are those of five seconds at 50,000 events/s, as far
                        apart as commits are on a backlog; JSON is measured with a fifth of that, too
  --rounds N            how often each runs, after a warm-up; the medians count (default 3)`

const sizes = {
  small: { events: 20_000, users: 1_000, seed: 1 },
  large: { events: 500_000, users: 50_000, seed: 1 },
}
/** Less is not told. */
const LEAST_SHARE = 0.015

interface Way {
  readonly name: string
  readonly format: Format
  readonly perCommit: number
}

interface Measured {
  readonly name: string
  readonly eventsPerSecond: number
  /** For an event. */
  readonly rows: number
  readonly hash: string
}

/** The benchmark as the command runs it; prints as it goes, and writes bench/RESULTS.md in its large size. */
export async function pipeline(args: readonly string[]): Promise<void> {
  const { size, load, rounds, perCommit } = parse(args)
  const often = Math.ceil(perCommit / 5)
  const ways: readonly Way[] = [
    { name: 'json', format: 'json', perCommit },
    { name: 'msgpack', format: 'msgpack', perCommit },
    { name: `json, ${often} events a commit`, format: 'json', perCommit: often },
  ]
  const bar = openProgress('pipeline', ways.length * (rounds + 1))
  const measured: Measured[] = []
  const users = new Set<string>()
  for (const { userId } of workload(load)) users.add(userId)
  try {
    for (let round = 0; round <= rounds; round++)
      for (const { name, format, perCommit } of ways) {
        bar.next(`${name}, round ${round}`)
        const run = runPipeline(peerJob as Job<unknown>, records(load, format), perCommit)
        const hash = hashOfFeatures(featuresOf(run, users))
        const rows = run.rows / run.events
        const eventsPerSecond = run.events / run.cpuSeconds
        if (round > 0) measured.push({ name, eventsPerSecond, rows, hash })
      }
  } finally {
    bar.end()
  }
  const wanted = hashOfFeatures(naiveFeatures(workload(load)))
  for (const { name, hash } of measured)
    if (hash !== wanted)
      throw new Error(`${name} ended with features ${hash}, a plain recomputation with ${wanted}`)
  const rows = ways.map(({ name }) => {
    const own = measured.filter(each => each.name === name)
    const speeds = own.map(each => each.eventsPerSecond)
    const perThousand = Math.round(1_000 * median(own.map(each => each.rows)))
    const figures = [median(speeds), Math.min(...speeds), Math.max(...speeds)].map(Math.round)
    return [name, ...figures, perThousand]
  })
  const heads = ['events', 'events/s of one core', 'least', 'most', 'rows for 1,000 events']
  const summary = [
    table(heads, rows),
    `hash of the final features: ${wanted}`,
    'Where the time of one run over JSON goes, by file, what it calls not in it:',
    await whereTimeGoes(load, perCommit),
  ].join('\n\n')
  console.log(`\n${summary}`)
  if (size === 'small') return
  const figures = rows.map(
    ([name, value]): Figure => ({ name: String(name), value: Number(value), unit: 'events/s' }),
  )
  const how = `${load.events} events, ${load.users} users, ${perCommit} events between two commits, rounds: ${rounds}; CPU time of the thread and its collector`
  publish({ title: 'Pipeline', how, summary, figures })
}

/** Making the events is left out: batches are encoded between the parts that are measured. */
async function whereTimeGoes(load: WorkloadOptions, perCommit: number): Promise<string> {
  const all = [...records(load, 'json')]
  const shares = await profiled(() => runPipeline(peerJob as Job<unknown>, all, perCommit))
  const rows = shares
    .filter(({ share }) => share >= LEAST_SHARE)
    .map(({ part, share }) => [part, Number((share * 100).toFixed(1))])
  return table(['part', '%'], rows)
}

function* records(load: WorkloadOptions, format: Format): Generator<OutgoingRecord> {
  for (const event of workload(load)) yield { key: event.userId, value: encodeEvent(event, format) }
}

function* featuresOf(run: PipelineRun, users: Iterable<string>): Generator<UserFeatures> {
  for (const user of users)
    yield { ...(run.row(user).features as Omit<UserFeatures, 'user'>), user }
}

function parse(args: readonly string[]) {
  const { values } = parseArgs({
    args: [...args],
    options: {
      size: { type: 'string', default: 'large' },
      events: { type: 'string' },
      'commit-events': { type: 'string', default: '250000' },
      rounds: { type: 'string', default: '3' },
    },
  })
  const size = sizeFlag(values.size)
  const events =
    values.events === undefined ? sizes[size].events : wholeFlag('--events', values.events)
  const load: WorkloadOptions = { ...sizes[size], events }
  const perCommit = wholeFlag('--commit-events', values['commit-events'])
  return { size, load, perCommit, rounds: wholeFlag('--rounds', values.rounds) }
}
