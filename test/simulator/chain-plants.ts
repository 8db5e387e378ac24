import type { Plant } from './plants.ts'

/** Bugs in what brings events from key to key. */
export const chainPlants: readonly Plant[] = [
  {
    name: 'a rekeyed record taken again when it is told again',
    shape: 'chained',
    edits: [
      {
        file: 'runtime/sources.ts',
        find: 'from.offset > last.offset',
        replace: 'from.offset >= last.offset',
      },
    ],
  },
  {
    name: 'one more rekeyed record taken for an old one',
    shape: 'chained',
    edits: [
      {
        file: 'runtime/sources.ts',
        find: 'from.offset > last.offset',
        replace: 'from.offset > last.offset + 1',
      },
    ],
  },
  {
    name: 'a watermark held back by sources that are idle',
    shape: 'chained',
    edits: [
      {
        file: 'runtime/sources.ts',
        find: 'now - appendedAt <= sourceIdleMs ? time : undefined',
        replace: 'time',
      },
    ],
  },
  {
    name: 'one watermark for all sources',
    shape: 'chained',
    edits: [
      {
        file: 'runtime/watermark.ts',
        find: 'const time = this.sources.smallestTime(source.appendedAt)',
        replace: 'const time = ownTime',
      },
    ],
  },
  {
    name: 'sources forgotten at a takeover',
    shape: 'chained',
    edits: [
      {
        file: 'runtime/takeover.ts',
        find: 'if (marker !== undefined) return marker.sources',
        replace: 'if (marker !== undefined) return undefined',
      },
    ],
  },
  {
    name: 'a forwarder that notes its position before it has sent',
    shape: 'chained',
    edits: [
      {
        file: 'runtime/forwarder.ts',
        find: 'await this.#forward(fetched)\n',
        replace:
          'if (fetched.records.length > 0) await this.#commit({ ...this.#position, next: fetched.next })\n        await this.#forward(fetched)\n',
      },
    ],
  },
  {
    name: 'a forwarder that goes on one record later than it was',
    shape: 'chained',
    edits: [
      {
        file: 'runtime/forward-position.ts',
        find: 'nextOffset(Math.max(next, range.start))',
        replace: 'nextOffset(Math.max(next + 1, range.start))',
      },
    ],
  },
  {
    name: 'a merge that can be late',
    shape: 'identity',
    edits: [
      {
        file: 'runtime/pipeline.ts',
        find: 'watermark.time === undefined || neverLate.has(event.type)',
        replace: 'watermark.time === undefined',
      },
    ],
  },
  {
    name: 'a rekeyed event rekeyed again',
    shape: 'identity',
    edits: [
      {
        file: 'runtime/step-outputs.ts',
        find: 'taken !== undefined && !isAnswer',
        replace: 'false',
      },
    ],
  },
  {
    name: 'a deleted state read from the store again',
    shape: 'identity',
    edits: [
      {
        file: 'runtime/checkpoint.ts',
        find: 'if (buffered) return buffered',
        replace: 'if (buffered?.bytes) return buffered',
      },
    ],
  },
]
