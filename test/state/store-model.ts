import fc from 'fast-check'
import type { Slice, Store, StoreProgress, TimerEntry } from '../../state/store.ts'

export const progress = (complete: number): StoreProgress => ({
  history: 'h1',
  complete,
  newest: complete,
  writtenAt: 1_700_000_000_000,
})

/** A slice of these parts, and nothing else in it. */
export function slice(parts: Partial<Slice>): Slice {
  return { states: [], timersAdded: [], timersRemoved: [], progress: progress(0), ...parts }
}

/** What every store must do. */

/** A store so plain that it is believed: two Maps, sorted when asked. */
export function naiveStore() {
  const states = new Map<string, Uint8Array>()
  const timers = new Map<string, TimerEntry>()
  const name = (timer: TimerEntry) => `${timer.time} ${timer.key}`
  const utf8Order = (left: string, right: string) =>
    Buffer.compare(Buffer.from(left), Buffer.from(right))
  return {
    write(each: Slice) {
      for (const [key, value] of each.states)
        value === undefined ? states.delete(key) : states.set(key, value)
      for (const timer of each.timersRemoved) timers.delete(name(timer))
      for (const timer of each.timersAdded) timers.set(name(timer), timer)
    },
    states: () =>
      [...states]
        .map(([key, value]) => [key, [...value]] as [string, number[]])
        .sort((a, b) => utf8Order(a[0], b[0])),
    timers: (upTo: number) =>
      [...timers.values()]
        .filter(timer => timer.time <= upTo)
        .sort((a, b) => a.time - b.time || utf8Order(a.key, b.key)),
  }
}

export function anySlice(): fc.Arbitrary<Slice> {
  return fc.record(
    {
      states: fc.array(
        fc.tuple(anyKey(), fc.option(fc.uint8Array({ maxLength: 5 }), { nil: undefined })),
      ),
      timersAdded: fc.array(anyTimer()),
      timersRemoved: fc.array(anyTimer()),
      progress: fc.nat().map(progress),
    },
    { noNullPrototype: true },
  )
}

const anyKey = () => fc.constantFrom('', 'a', 'aa', 'b', 'é', '\uffee', '😀')
const anyTimer = () => fc.record({ time: fc.nat(30), key: anyKey() }, { noNullPrototype: true })

export function plain(value: Uint8Array | undefined): number[] | undefined {
  return value && [...value]
}

/** All entries, their bytes as plain numbers. */
export async function allOf(store: Store): Promise<[string, number[]][]> {
  const all: [string, number[]][] = []
  for await (const [key, value] of store.entries()) all.push([key, [...value]])
  return all
}

/** All due timers, asked for in steps of `limit`. */
export async function walk(store: Store, upTo: number, limit: number): Promise<TimerEntry[]> {
  const all: TimerEntry[] = []
  for (;;) {
    const found = store.timers(all.at(-1), upTo, limit)
    if (found === undefined) {
      await store.loadTimers(all.at(-1))
      continue
    }
    all.push(...found)
    if (found.length < limit) return all
  }
}
