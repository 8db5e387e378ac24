import type { Log } from '../runtime/log.ts'
import type { Guarantee } from './flags.ts'
import type { Program } from './program.ts'
import { runMillrace, type StartedEngine, startMillrace } from './run-millrace.ts'
import { type Peer, runPeer, startPeer } from './run-peer.ts'
import type { RunResult } from './run-result.ts'

/** An engine in one of its settings, as a comparison names it. */
export interface Engine {
  readonly name: string
  readonly kind: 'millrace' | Peer
  readonly guarantee: Guarantee
  /** Ours: a row for each event, as the peers do; else a row for each user that a commit changed. */
  readonly everyEvent?: boolean
  /** The peers': ms between commits or checkpoints; their own default when left out. */
  readonly commitMs?: number
}

export interface Where {
  readonly brokers: string
  readonly input: string
  /** Of ours. */
  readonly lanes: number
  /** Of ours: this checkout's source when left out. */
  readonly program?: Program | undefined
}

/** Over the whole of an input topic, once. */
export async function runEngine(
  log: Log,
  engine: Engine,
  where: Where & { readonly events: number },
): Promise<RunResult> {
  const { kind, name } = engine
  const run = { ...engine, ...where }
  const result = kind === 'millrace' ? await runMillrace(log, run) : await runPeer(log, kind, run)
  return { ...result, engine: name }
}

/** For events that come from now on. Ours keeps its files in the folder. */
export async function startEngine(
  folder: string,
  engine: Engine,
  where: Where,
): Promise<StartedEngine> {
  const run = { ...engine, ...where }
  return engine.kind === 'millrace'
    ? await startMillrace(folder, { ...run, carriesSentAt: true })
    : startPeer(engine.kind, run)
}

/** Ours, and what `--vs` names, all with the same guarantee and each in its own defaults. */
export function enginesNamed(peers: readonly Peer[], guarantee: Guarantee): Engine[] {
  return (['millrace', ...peers] as const).map(kind => ({ name: kind, kind, guarantee }))
}
