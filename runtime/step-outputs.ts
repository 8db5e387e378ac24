import type { Event } from '../jobs/event.ts'
import { type Job, type JobContext, JobError, type Rekeyed, type Trigger } from '../jobs/job.ts'
import type { OutgoingRecord } from '../protocol/record-batch.ts'
import { rekeyedRecord } from './rekeyed.ts'
import type { Watermark } from './watermark.ts'

/** A step that sends more would grow with each event of its key. */
const rekeyedPerStepMax = 1_000

export interface StepOutputsOptions {
  readonly job: Pick<Job, 'name' | 'input' | 'rekeys'>
  readonly era: number
  readonly watermark: Watermark
}

/** What one step sends, until the step has succeeded; then the side outputs and the states take it. */
export class StepOutputs {
  readonly #options: StepOutputsOptions
  triggers: Trigger[] = []
  rekeyed: OutgoingRecord[] = []
  /** Nothing is to be left of the key. */
  dropped = false

  /** A rekeyed event that the step takes. */
  #taken: Event | undefined
  /** One for all steps, so that an event does not pay for three functions that it mostly does not call. */
  readonly #context = {
    key: '',
    watermark: undefined as number | undefined,
    late: false,
    emit: (trigger: Trigger) => void this.triggers.push(trigger),
    rekey: (record: Rekeyed) => void this.rekeyed.push(this.#rekeyed(record, this.#taken)),
    drop: () => {
      this.dropped = true
    },
  }

  constructor(options: StepOutputsOptions) {
    this.#options = options
  }

  forget(): void {
    if (this.triggers.length > 0) this.triggers = []
    if (this.rekeyed.length > 0) this.rekeyed = []
    this.dropped = false
  }

  /** Forgets the last step, and hands out the context of the next, good until then. */
  begin(key: string, taken: Event | undefined, late = false): JobContext {
    this.forget()
    this.#taken = taken
    this.#context.key = key
    this.#context.watermark = this.#options.watermark.time
    this.#context.late = late
    return this.#context
  }

  /** What was rekeyed is never rekeyed again, else two aliases of each other would send an event round for ever. */
  #rekeyed(record: Rekeyed, taken: Event | undefined): OutgoingRecord {
    const { job, era } = this.#options
    const isAnswer =
      taken?.type === 'link' && record.event.type === 'merge' && this.rekeyed.length === 0
    if (taken !== undefined && !isAnswer) {
      throw new JobError(
        'rekeyed_twice',
        `job ${job.name} rekeys to ${String(record.key).slice(0, 100)} what was rekeyed before (type ${taken.type}); only a link may be answered, with one merge`,
      )
    }
    if (this.rekeyed.length >= rekeyedPerStepMax) {
      throw new JobError(
        'bad_rekey',
        `job ${job.name} rekeys more than ${rekeyedPerStepMax} events in one step`,
      )
    }
    return rekeyedRecord(job, era, record)
  }
}
