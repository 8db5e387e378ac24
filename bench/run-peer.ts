import { randomUUID } from 'node:crypto'
import { fileURLToPath } from 'node:url'
import { systemClock } from '../runtime/clock.ts'
import type { Log } from '../runtime/log.ts'
import { deleteTopics } from './delete-topics.ts'
import { finalFeatures } from './final-features.ts'
import type { Guarantee } from './flags.ts'
import { MeasuredProcess } from './measured-process.ts'
import type { StartedEngine } from './run-millrace.ts'
import type { RunResult } from './run-result.ts'

export type Peer = 'kafka-streams' | 'flink'

export interface PeerRun {
  readonly brokers: string
  readonly input: string
  readonly events: number
  readonly guarantee: Guarantee
  /** Ms between commits or checkpoints; the engine's default when left out. */
  readonly commitMs?: number
}

const READY_MS_MAX = 180_000
const program = fileURLToPath(new URL('./peers/peer', import.meta.url))

/** Runs a peer's throughput mode on the whole of an input topic; it measures itself. Needs Java and Maven. */
export async function runPeer(log: Log, peer: Peer, run: PeerRun): Promise<RunResult> {
  const output = `bench-peer-${randomUUID().slice(0, 8)}`
  const flags = [
    ['--brokers', run.brokers],
    ['--in', run.input],
    ['--out', output],
    ['--events', String(run.events)],
    ['--guarantee', run.guarantee],
    ...(run.commitMs === undefined ? [] : [['--checkpoint-ms', String(run.commitMs)]]),
  ]
  const child = new MeasuredProcess(program, [peer, 'throughput', ...flags.flat()])
  try {
    await child.succeeded()
  } finally {
    child.kill()
  }
  const { hash } = await finalFeatures(log, output)
  await deleteTopics(run.brokers, [output])
  return { ...parseReport(child.output), hash }
}

/** Starts a peer's run mode: it takes what arrives from now on. */
export function startPeer(peer: Peer, run: Omit<PeerRun, 'events'>): StartedEngine {
  const output = `bench-peer-${randomUUID().slice(0, 8)}`
  const { brokers, input, guarantee, commitMs } = run
  const child = new MeasuredProcess(program, [
    ...[peer, 'run', '--brokers', brokers, '--in', input, '--out', output],
    ...['--guarantee', guarantee],
    ...(commitMs === undefined ? [] : ['--commit-ms', String(commitMs)]),
  ])
  return { child, output, topics: [output], ready: () => printedReady(child, peer) }
}

/** Rejects where it takes more than three minutes: Flink's first use may have to fetch its jars. */
export async function printedReady(child: MeasuredProcess, peer: Peer): Promise<void> {
  const deadline = systemClock.elapsed() + READY_MS_MAX
  while (systemClock.elapsed() < deadline) {
    if (/^ready$/m.test(child.output)) return
    await Promise.race([systemClock.sleep(50), child.failed()])
  }
  throw new Error(`${peer} was not ready within ${READY_MS_MAX} ms`)
}

/** The one JSON line that a peer prints. */
function parseReport(output: string): Omit<RunResult, 'hash'> {
  const line = output.split('\n').find(each => each.startsWith('{'))
  if (line === undefined) throw new Error(`the peer printed no report: ${output}`)
  return JSON.parse(line) as Omit<RunResult, 'hash'>
}

function isPeer(name: string): name is Peer {
  return name === 'kafka-streams' || name === 'flink'
}

export function peerNamed(name: string): Peer {
  if (!isPeer(name)) throw new Error(`--vs is kafka-streams or flink, not ${name}`)
  return name
}
