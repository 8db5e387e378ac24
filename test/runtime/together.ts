import type { Suite } from '../harness.ts'

/**
 * Declares tests that run at the same time, `atOnce` of them: each mostly waits for a thread to start, a group
 * to settle or a time to pass. They must share nothing but the broker.
 */
export function together(
  test: Suite,
  cases: Readonly<Record<string, () => Promise<void>>>,
  atOnce = 4,
): void {
  const queue = Object.entries(cases)
  const done = new Map<string, Promise<void>>()
  test.before(() => {
    const lanes = Array.from({ length: atOnce }, () => Promise.resolve())
    for (const [index, [name, run]] of queue.entries()) {
      const before = lanes[index % atOnce] ?? Promise.resolve()
      const result = before.then(run)
      lanes[index % atOnce] = result.catch(() => undefined) // its own test tells
      done.set(name, result)
      result.catch(() => undefined)
    }
  })
  for (const [name] of queue) test(name, () => done.get(name))
}
