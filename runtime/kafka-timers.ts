import { createRequire } from 'node:module'

interface RequestQueue {
  readonly pending: readonly unknown[]
  scheduleCheckPendingRequests(): void
}

let isDone = false

/**
 * kafkajs sets a timer after each answer, to look at what waits to be sent: also where nothing waits, then for a time
 * in the past, of which Node 24 warns on standard error. Here it sets one only where something waits.
 */
export function withoutIdleTimers(): void {
  if (isDone) return
  isDone = true
  const path = 'kafkajs/src/network/requestQueue/index.js'
  const { prototype } = createRequire(import.meta.url)(path) as { prototype: RequestQueue }
  const schedule = prototype.scheduleCheckPendingRequests
  prototype.scheduleCheckPendingRequests = function scheduleWherePending(this: RequestQueue) {
    if (this.pending.length > 0) Reflect.apply(schedule, this, [])
  }
}
