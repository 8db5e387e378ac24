import type { Store, StoreProgress, TimerEntry } from './store.ts'
import { StoreError, timersAtOnceMax } from './store.ts'
import { checkTimers, compareUtf8, insertTimer, removeTimer, timersBetween } from './timer-order.ts'

/** The store's twin in memory, for tests and for jobs that may forget. It keeps the bytes that it is given. */
export function memoryStore(): Store {
  const states = new Map<string, Uint8Array>()
  const sortedTimers: TimerEntry[] = []
  let progress: StoreProgress | undefined
  let closed = false

  return {
    get(key) {
      checkOpen()
      return states.get(key)
    },

    get progress() {
      return progress
    },

    async write(slice) {
      checkOpen()
      checkTimers(slice.timersAdded)
      checkTimers(slice.timersRemoved)
      for (const [key, bytes] of slice.states) {
        if (bytes === undefined) states.delete(key)
        else states.set(key, bytes)
      }
      for (const timer of slice.timersRemoved) removeTimer(sortedTimers, timer)
      for (const timer of slice.timersAdded) insertTimer(sortedTimers, timer)
      progress = slice.progress
    },

    timers(cursor, upTo, limit) {
      checkOpen()
      return timersBetween(sortedTimers, cursor, upTo, Math.min(limit, timersAtOnceMax))
    },

    async loadTimers() {
      checkOpen()
    },

    async *entries() {
      checkOpen()
      yield* [...states].sort(([left], [right]) => compareUtf8(left, right))
    },

    async sizeBytes() {
      checkOpen()
      let size = 0
      for (const [key, bytes] of states) size += key.length + bytes.length
      return size
    },

    async close() {
      closed = true
    },

    async destroy() {
      closed = true
      states.clear()
      sortedTimers.length = 0
      progress = undefined
    },
  }

  function checkOpen(): void {
    if (closed) throw new StoreError('failed', 'the store in memory was used after it was closed')
  }
}
