import { randomUUID } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import { mkdir, readdir, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { untilReady } from './listening.ts'
import { MeasuredProcess } from './measured-process.ts'
import { type Origin, openProgram } from './program.ts'
import { topicsOf } from './run-millrace.ts'
import { type Peer, printedReady } from './run-peer.ts'

/** An engine that is killed and started again, and goes on where it was. */
export interface RecoverySubject {
  /** The topic of its rows. */
  readonly output: string
  /** To be deleted in the end. */
  readonly topics: readonly string[]
  start(instance: string): MeasuredProcess
  /** As kill -9 does; resolves when it is gone. */
  kill(child: MeasuredProcess): Promise<void>
  ready(child: MeasuredProcess): Promise<unknown>
}

export interface MillraceSubject extends RecoverySubject {
  /** The member's id stays: without it the group would wait for the dead process's session to end, in each round. */
  loseStores(instance: string): Promise<void>
}

export interface SubjectPlace {
  readonly brokers: string
  readonly input: string
  readonly folder: string
}

const READY_MS_MAX = 120_000
const peerProgram = fileURLToPath(new URL('./peers/peer', import.meta.url))

export async function millraceSubject(
  { brokers, input, folder }: SubjectPlace,
  origin: Origin,
): Promise<MillraceSubject> {
  const program = await openProgram(origin, folder)
  const name = `${input}-job`
  const path = join(folder, program.jobFile)
  const changed = JSON.stringify({ name, input })
  await writeFile(
    path,
    `import job from '${program.peerJob}'\nexport default { ...job, ...${changed} }\n`,
  )
  const data = join(folder, 'data')
  return {
    output: `${name}.features`,
    topics: topicsOf(name),
    start: instance =>
      new MeasuredProcess(process.execPath, [
        ...[program.path, 'run', path, '--brokers', brokers, '--port', '0'],
        ...['--data', data, '--instance', instance, '--session-ms', '6000'],
      ]),
    async kill(child) {
      child.kill()
      await child.exited
    },
    ready: child => untilReady(child, READY_MS_MAX),
    async loseStores(instance) {
      const own = join(data, 'run', name, instance)
      for (const each of await readdir(own))
        if (each.startsWith('task-')) await rm(join(own, each), { recursive: true })
    },
  }
}

/** Kafka Streams as it comes, and Flink with a checkpoint each second; both exactly-once. */
export async function peerSubject(
  { brokers, input, folder }: SubjectPlace,
  peer: Peer,
): Promise<RecoverySubject> {
  const id = randomUUID().slice(0, 8)
  const output = `bench-peer-${id}`
  const state = join(folder, peer)
  await mkdir(state)
  const commit = peer === 'flink' ? ['--commit-ms', '1000'] : []
  return {
    output,
    topics: [output, `peer-${id}-features-changelog`],
    start: () =>
      new MeasuredProcess(peerProgram, [
        ...[peer, 'run', '--brokers', brokers, '--in', input, '--out', output],
        ...['--id', id, '--state', state, ...commit],
      ]),
    async kill(child) {
      for (const java of childrenOf(child.pid)) process.kill(java, 'SIGKILL') // the script ends after it, and tidies up
      await child.exited
    },
    ready: child => printedReady(child, peer),
  }
}

function childrenOf(parent: number): number[] {
  const threads = readdirSync(`/proc/${parent}/task`)
  return threads.flatMap(thread =>
    readFileSync(`/proc/${parent}/task/${thread}/children`, 'latin1')
      .split(' ')
      .filter(text => text.trim() !== '')
      .map(Number),
  )
}
