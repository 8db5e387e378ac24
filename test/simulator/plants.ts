import type { ChainShape } from './run-chain.ts'

/** A change of a source text; `find` is there once, and has no types in it (the loader blanks them out). */
export interface Edit {
  readonly file: string
  readonly find: string
  readonly replace: string
}

/** A bug that the simulation must find. */
export interface Plant {
  readonly name: string
  /** Which simulation finds it; that of one job alone when left out. */
  readonly shape?: ChainShape
  readonly edits: readonly Edit[]
}

/**
 * All bounds small, so that few records reach them: slices, pages, batches and commits of one or two. The
 * runtime is the same otherwise, and nothing else may change.
 */
export const smallBounds: readonly Edit[] = [
  bound('runtime/restore.ts', 'const sliceEntries = 5_000', 2),
  bound('runtime/checkpoint.ts', 'const sliceEntriesMax = 4_000', 2),
  bound('runtime/timers.ts', 'const pageSize = 256', 2),
  bound('runtime/pipeline.ts', 'const timersPerCommit = 5_000', 2),
  bound('runtime/states.ts', 'const dirtyKeysMax = 50_000', 3),
  bound('runtime/appends.ts', 'const batchBytesMax = 512 * 1024', 400),
  bound('runtime/turns.ts', 'const sliceRecords = 500', 3),
  bound('runtime/feed.ts', 'const queueBytesMax = 2 * 1024 * 1024', 600),
  bound('runtime/feed.ts', 'const queueBytesResume = 1024 * 1024', 300),
]

function bound(file: string, find: string, value: number): Edit {
  return { file, find, replace: find.replace(/=.*/, `= ${value}`) }
}

/**
 * One that an earlier design had, kept partitions not put back after a join, cannot be made: our reader is not
 * the group's, and a join moves no position. An answer to an older question is what is left of it.
 */
export const plants: readonly Plant[] = [
  {
    name: 'no fence',
    edits: [
      {
        file: 'test/simulator/sim-transactions.ts',
        find: 'known.epoch++\n    const producerEpoch = known.epoch\n',
        replace:
          'if (known) return { producerId: known.producerId, producerEpoch: known.epoch }\n    const producerEpoch = known.epoch\n',
      },
    ],
  },
  {
    name: 'offsets read before the fence',
    edits: [
      { file: 'runtime/takeover.ts', find: 'await options.transactor.fence()\n', replace: '' },
      {
        file: 'runtime/takeover.ts',
        find: 'const plan = await decide(options, store.progress)',
        replace:
          'const plan = await decide(options, store.progress); await options.transactor.fence()',
      },
    ],
  },
  {
    name: 'two sends at once in one transaction',
    edits: [
      ...smallBounds,
      {
        file: 'runtime/commit.ts',
        find: 'for (const send of sends) {\n    const offsets = await transaction.send(send)',
        replace:
          'const answers = sends.map(send => transaction.send(send))\n  for (const each of answers) each.catch(() => undefined)\n  for (const [at, send] of sends.entries()) {\n    const offsets = await answers[at]',
      },
    ],
  },
  {
    name: 'store written before the commit ended',
    edits: [
      {
        file: 'runtime/committer.ts',
        find: 'await this.#emission\n',
        replace:
          'await this.#emission\n    states.committed(frozen.states, this.#committed.changelog + frozen.states.length + 2, clock.now())\n',
      },
      {
        file: 'runtime/committer.ts',
        find: 'states.committed(frozen.states, this.#committed.changelog, now)',
        replace: '',
      },
    ],
  },
  {
    name: 'restore ending one record early',
    edits: [
      {
        file: 'runtime/restore.ts',
        find: 'records.offset > until',
        replace: 'records.offset >= until - 1',
      },
    ],
  },
  {
    name: 'an answer to an older question accepted',
    edits: [
      {
        file: 'test/simulator/sim-reader.ts',
        find: '!position || position.seeks !== seeks',
        replace: '!position',
      },
    ],
  },
  {
    name: 'timers checked only at batch ends',
    edits: [
      { file: 'runtime/turns.ts', find: 'this.#timersDue = true //', replace: '//' },
      {
        file: 'runtime/turns.ts',
        find: 'options.events.onTaken(batch.records.length)',
        replace: 'this.#timersDue = true; options.events.onTaken(batch.records.length)',
      },
    ],
  },
  {
    name: 'an offset off by one',
    edits: [
      { file: 'runtime/takeover.ts', find: '      next,\n', replace: '      next: next + 1,\n' },
    ],
  },
  {
    name: 'one hint for two timers of a key at the same time',
    edits: [{ file: 'runtime/pipeline.ts', find: 'entity.timerAt = undefined //', replace: '//' }],
  },
]
