import type { Job } from '../jobs/job.ts'
import { CodecError } from '../state/codec.ts'
import type { Committed, Log } from './log.ts'
import { outputTopics } from './outputs.ts'
import { type CommittedProgress, parseMetadata } from './progress.ts'

/**
 * Which generation of its job a process stands for: a task that is further on has been taken over by a newer
 * definition, and the process is outdated.
 */
export class Generation {
  readonly #log: Log
  readonly #job: Pick<Job, 'name' | 'input' | 'hash'>
  #began: Promise<void> | undefined
  #held: number | undefined

  constructor(log: Log, job: Pick<Job, 'name' | 'input' | 'hash'>) {
    this.#log = log
    this.#job = job
  }

  /** `undefined`: nothing was committed when the process began. */
  get held(): number | undefined {
    return this.#held
  }

  /**
   * Looks, once, what all partitions have committed: also those that it will never own, so that a standby
   * knows when it has become outdated.
   */
  begin(partitions: number): Promise<void> {
    this.#began ??= this.#look(partitions)
    return this.#began
  }

  /** A task of this definition is at that generation. */
  hold(generation: number): void {
    this.#held = Math.max(this.#held ?? 0, generation)
  }

  async #look(partitions: number): Promise<void> {
    const { name, input, hash } = this.#job
    const all = Array.from({ length: partitions }, (_, partition) => partition)
    const committed = await this.#log.committed(outputTopics(name).commits, input, all)
    const readable = committed.flatMap(each => readableProgress(each) ?? [])
    const generation = generationAfter(readable, hash)
    if (generation !== undefined) this.hold(generation)
  }
}

/**
 * The newest generation where all of it has this definition; else one more: whoever starts a process means its
 * definition to be the newest.
 */
export function generationAfter(
  progresses: readonly Pick<CommittedProgress, 'generation' | 'hash'>[],
  hash: string,
): number | undefined {
  if (progresses.length === 0) return undefined
  const newest = Math.max(...progresses.map(({ generation }) => generation))
  const mine = progresses.every(each => each.generation < newest || each.hash === hash)
  return mine ? newest : newest + 1
}

/** What is not ours, or of a newer version, is for the task to refuse. */
function readableProgress(committed: Committed | undefined): CommittedProgress | undefined {
  try {
    return committed && parseMetadata(committed)
  } catch (error) {
    if (error instanceof CodecError) return undefined
    throw error
  }
}
