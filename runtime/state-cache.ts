import { PackedValues } from '../state/packed-values.ts'

export interface CacheBounds {
  /** Users whose states are objects in memory. */
  readonly cacheKeysMax: number
  /** Bytes of memory for the encoded states of further users. */
  readonly cacheBytesMax: number
}

/** The memory for users' states of one lane, shared by as many tasks as it has at the time. */
export class StateCache {
  readonly packed: PackedValues
  readonly #keysMax: number
  readonly #tasks: () => number

  constructor({ cacheKeysMax, cacheBytesMax }: CacheBounds, tasks: () => number) {
    this.packed = new PackedValues(cacheBytesMax)
    this.#keysMax = cacheKeysMax
    this.#tasks = tasks
  }

  /** The most decoded states of one task. */
  get keysMax(): number {
    return Math.max(1, Math.floor(this.#keysMax / Math.max(1, this.#tasks())))
  }
}
