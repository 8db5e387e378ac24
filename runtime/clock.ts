/** Time, as far as Millrace knows it. Everything that waits or asks for the time is given one of these. */
export interface Clock {
  /** Wall-clock time, epoch ms. */
  now(): number
  /** Ms of a clock that never goes back; only differences mean something. */
  elapsed(): number
  /** Resolves after `ms`, or at once when `signal` aborts. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>
  /** Resolves once input and output that wait have had their turn. */
  turn(): Promise<void>
  /** Calls `tick` every `ms` until the answer is called. A tick under way is not overlapped. */
  every(ms: number, tick: () => void | Promise<void>): () => void
}

export const systemClock: Clock = {
  now: () => Date.now(),
  elapsed: () => performance.now(),

  sleep(ms, signal) {
    return new Promise(resolve => {
      if (signal?.aborted) return resolve()
      const done = () => {
        clearTimeout(timer)
        signal?.removeEventListener('abort', done)
        resolve()
      }
      const timer = setTimeout(done, ms)
      signal?.addEventListener('abort', done, { once: true })
    })
  },

  turn: () => new Promise(resolve => setImmediate(resolve)),

  every(ms, tick) {
    let busy = false
    const timer = setInterval(async () => {
      if (busy) return
      busy = true
      try {
        await tick()
      } finally {
        busy = false
      }
    }, ms)
    return () => clearInterval(timer)
  },
}
