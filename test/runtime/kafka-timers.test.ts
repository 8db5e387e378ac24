import { createRequire } from 'node:module'
import { withoutIdleTimers } from '../../runtime/kafka-timers.ts'
import { LogError } from '../../runtime/log.ts'
import { unlessAborted } from '../../runtime/unless-aborted.ts'
import { assert, rejects, suite } from '../harness.ts'

interface RequestQueue {
  readonly throttleCheckTimeoutId: unknown
  readonly pending: unknown[]
  scheduleCheckPendingRequests(): void
  destroy(): void
}
type NewRequestQueue = new (options: object) => RequestQueue

const test = suite('timers and waits beside Kafka')

test('kafkajs sets a timer for requests that wait, and none where nothing does', () => {
  withoutIdleTimers()
  const require = createRequire(import.meta.url)
  const Queue = require('kafkajs/src/network/requestQueue/index.js') as NewRequestQueue
  const queue = new Queue({ logger: {}, requestTimeout: 1_000 })
  try {
    queue.scheduleCheckPendingRequests()
    assert.is(queue.throttleCheckTimeoutId, null)
    queue.pending.push({})
    queue.scheduleCheckPendingRequests()
    assert.ok(queue.throttleCheckTimeoutId)
  } finally {
    queue.destroy()
  }
})

test('what is waited for is told, or that it was stopped; nothing listens afterwards', async () => {
  const stop = new AbortController()
  let listeners = 0
  const add = stop.signal.addEventListener.bind(stop.signal)
  const remove = stop.signal.removeEventListener.bind(stop.signal)
  stop.signal.addEventListener = (...args: Parameters<typeof add>) => {
    listeners++
    add(...args)
  }
  stop.signal.removeEventListener = (...args: Parameters<typeof remove>) => {
    listeners--
    remove(...args)
  }
  assert.is(await unlessAborted(stop.signal, Promise.resolve(7)), 7)
  const fault = new Error('of the work')
  assert.is(await rejects(() => unlessAborted(stop.signal, Promise.reject(fault))), fault)
  assert.is(listeners, 0)
  const never = unlessAborted(stop.signal, new Promise(() => undefined))
  stop.abort()
  assert.instance(await rejects(() => never), LogError)
  assert.instance(await rejects(() => unlessAborted(stop.signal, Promise.resolve())), LogError)
})

test.run()
