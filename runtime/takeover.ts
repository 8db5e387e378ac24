import type { Job } from '../jobs/job.ts'
import type { Store, StoreProgress } from '../state/store.ts'
import type { Clock } from './clock.ts'
import { begunSince, featureBegins } from './feature-begins.ts'
import { type Log, LogError, type NextOffset, type Transactor } from './log.ts'
import { outputTopics } from './outputs.ts'
import { type CommittedProgress, parseMetadata } from './progress.ts'
import { appendTimeOf, markerAt, newestMarker, restore } from './restore.ts'
import type { Suspicion } from './steps.ts'
import { planTakeover, type TakeoverPlan } from './takeover-plan.ts'
import { vanishedFeatures } from './vanished.ts'

/** The task cannot go on, and trying again will not help. The message names the remedy. */
export class TaskRefused extends Error {
  override readonly name = 'TaskRefused'
  /** `outdated`: a newer definition of the job is at work, and this whole process must leave. */
  readonly code: 'refused' | 'outdated'

  constructor(code: TaskRefused['code'], message: string) {
    super(message)
    this.code = code
  }
}

export interface TakeoverOptions {
  readonly job: Job
  readonly partition: number
  readonly partitions: number
  readonly era: number
  readonly acceptLoss: boolean
  /** That this process stands for; see `TaskOptions`. */
  readonly generation: number | undefined
  /** The last owner was this same process, alive: its end was no death. */
  readonly sameOwner: boolean
  readonly log: Log
  readonly clock: Clock
  readonly transactor: Transactor
  readonly openStore: () => Promise<Store>
  readonly newHistory: () => string
  readonly signal: AbortSignal
  /** What the process before had in hand when it died (`Witness.left`). */
  readonly handAtDeath: number | undefined
  readonly onRestore: (done: number, total: number) => void
}

export interface TakenOver {
  readonly store: Store
  readonly stored: StoreProgress
  /** What the first commit is to say; `changelog` is the marker that the store stands at. */
  readonly progress: CommittedProgress
  /** Names of features that begin now in a job that was there before: added, or defined otherwise. */
  readonly begun: readonly string[]
  /** Names of those that the job had and has no more. */
  readonly vanished: readonly string[]
}

/**
 * Everything that a task does before its first event, apart from that first commit:
 *
 * 1. (the caller has closed the old incarnation)
 * 2. fence, so that no older owner can add anything from here on;
 * 3. only then read what is committed, and decide;
 * 4. bring the store up to the marker.
 */
export async function takeOver(options: TakeoverOptions): Promise<TakenOver> {
  await options.transactor.fence()
  let store = await options.openStore()
  try {
    const plan = await decide(options, store.progress)
    if (plan.kind === 'refuse') throw new TaskRefused('refused', plan.reason)
    if (plan.kind === 'outdated') throw new TaskRefused('outdated', plan.reason)
    if (
      (plan.kind === 'begin' && store.progress) ||
      (plan.kind === 'resume' && plan.discardStore)
    ) {
      await store.destroy()
      store = await options.openStore()
    }
    if (plan.kind === 'begin') return begin(options, store, plan.next)
    return await resume(options, store, plan)
  } catch (error) {
    await store.close()
    throw error
  }
}

async function decide(
  options: TakeoverOptions,
  stored: StoreProgress | undefined,
): Promise<TakeoverPlan> {
  const { job, partition, log, clock } = options
  const topics = outputTopics(job.name)
  const [committed] = await log.committed(topics.commits, job.input, [partition])
  const nothing = { start: 0 as NextOffset, end: 0 as NextOffset }
  const rangeOf = async (topic: string) => (await log.topics.ranges(topic))[partition] ?? nothing
  const read = committed ? undefined : await readMarker(options, await rangeOf(topics.changelog))
  const marker = read?.marker
  // Last of all: read before, they may end below what a newer owner has committed since.
  const [input, changelog] = await Promise.all([rangeOf(job.input), rangeOf(topics.changelog)])
  const progress = committed ? parseMetadata(committed) : marker
  const readable =
    progress &&
    progress.last >= input.start &&
    progress.last < input.end &&
    progress.era <= options.era
  return planTakeover({
    task: { job: job.name, input: job.input, partition },
    job: { hash: job.hash, partitions: options.partitions, era: options.era },
    generation: options.generation,
    input,
    changelog: read?.records === 0 ? nothing : changelog, // all that lies there is a first commit that was aborted
    committed,
    marker,
    store: stored,
    lastAppendedAt: readable
      ? await appendTimeOf(options, job.input, partition, progress.last)
      : undefined,
    now: clock.now(),
    acceptLoss: options.acceptLoss,
  })
}

/** What the changelog says where no offset is committed: Kafka forgot it, or there never was one. */
async function readMarker(
  options: TakeoverOptions,
  { start, end }: { start: NextOffset; end: NextOffset },
): Promise<{ marker: CommittedProgress | undefined; records: number }> {
  if (end === 0) return { marker: undefined, records: 0 }
  const { changelog } = outputTopics(options.job.name)
  return newestMarker({ ...options, changelog }, start)
}

function begin(
  { job, partitions, era, generation, newHistory }: TakeoverOptions,
  store: Store,
  next: NextOffset,
): TakenOver {
  const progress: CommittedProgress = {
    next,
    history: newHistory(),
    watermark: undefined,
    partitions,
    era,
    hash: job.hash,
    generation: generation ?? 1,
    last: -1,
    appendedAt: -1,
    tries: 0,
    hand: -1,
    handDeaths: 0,
    clean: false,
    changelog: -1,
    ...(job.featureIds && { features: featureBegins([], job.featureIds, next) }),
  }
  return {
    store,
    stored: { history: progress.history, complete: -1, newest: -1, writtenAt: 0 },
    progress,
    begun: [],
    vanished: [],
  }
}

async function resume(
  options: TakeoverOptions,
  store: Store,
  plan: TakeoverPlan & { kind: 'resume' },
): Promise<TakenOver> {
  const { job, partition, era, sameOwner } = options
  const { progress, from, next, anew } = plan
  if (from <= progress.changelog || !store.progress) {
    await restore({
      ...options,
      changelog: outputTopics(job.name).changelog,
      partition,
      from,
      progress,
      store,
      onProgress: options.onRestore,
    })
  }
  const sources = await readSources(options, progress)
  const stored = store.progress as StoreProgress // a restore leaves one, and without a restore there was one
  const died = !progress.clean && !sameOwner
  return {
    store,
    stored,
    begun: begunSince(progress.features, job.featureIds ?? {}),
    vanished: await vanishedFeatures(options, progress.features),
    progress: {
      ...progress,
      next,
      era,
      hash: job.hash,
      generation: Math.max(
        progress.generation + (job.hash === progress.hash ? 0 : 1),
        options.generation ?? 0, // other partitions may have seen more changes
      ),
      last: anew ? -1 : progress.last,
      appendedAt: anew ? -1 : progress.appendedAt,
      tries: died ? progress.tries + 1 : progress.clean ? 0 : progress.tries,
      ...suspicion(options, progress, died),
      clean: false,
      sources,
      features: job.featureIds && featureBegins(progress.features, job.featureIds, next),
    },
  }
}

/**
 * Deaths are counted of what was announced and, as far as anybody saw, was being taken: a death in its commit is not
 * its fault.
 */
function suspicion(
  { handAtDeath }: TakeoverOptions,
  { clean, hand, next, suspect, handDeaths }: CommittedProgress,
  died: boolean,
): Suspicion {
  if (clean) return { suspect: undefined, handDeaths: 0 }
  const announced = hand === next || hand < -1
  const inHand = died && announced && (handAtDeath === undefined || handAtDeath === hand)
  if (!inHand) return { suspect, handDeaths }
  const before = suspect ?? (handDeaths > 0 ? next : undefined) // not told by earlier versions
  return { suspect: hand, handDeaths: before === hand ? handDeaths + 1 : 1 }
}

/** Metadata has no room for them: the marker that it names is the newest of its key, so compaction leaves it there. */
async function readSources(
  options: TakeoverOptions,
  { sources, changelog: offset }: CommittedProgress,
): Promise<CommittedProgress['sources']> {
  if (sources !== 'in-marker') return sources
  const { job, partition, log } = options
  const { changelog, commits } = outputTopics(job.name)
  const marker = await markerAt({ ...options, changelog }, offset)
  if (marker !== undefined) return marker.sources
  const [committed] = await log.committed(commits, job.input, [partition])
  if (!committed || parseMetadata(committed)?.changelog !== offset) {
    throw new LogError('fenced', `${job.name}-${partition} has a newer owner, which has committed`)
  }
  throw new TaskRefused(
    'refused',
    `the commit of ${job.name}-${partition} names a marker at ${offset} of ${changelog}, and none is there: the changelog was cut. Give the job a new name, and let it read from the start`,
  )
}
