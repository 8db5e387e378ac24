import type { Suite } from '../harness.ts'

export type Cases = Readonly<Record<string, () => Promise<void>>>

/**
 * Declares tests that run at the same time, `atOnce` of them: each mostly waits for a thread to start, a group
 * to settle or a time to pass. They must share nothing but the broker.
 */
export function together(test: Suite, cases: Cases, atOnce = 4): void {
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

/** Those of the cases whose names have one of the parts in them; each part must fit one. */
export function some(cases: Cases, parts: readonly string[]): Cases {
  const names = Object.keys(cases)
  const unfit = parts.filter(part => names.filter(name => name.includes(part)).length !== 1)
  if (unfit.length > 0) throw new Error(`not one case each: ${unfit.join()}`)
  return chosen(cases, name => parts.some(part => name.includes(part)))
}

/** The others. */
export function allBut(cases: Cases, parts: readonly string[]): Cases {
  const left = some(cases, parts)
  return chosen(cases, name => !(name in left))
}

const chosen = (cases: Cases, fits: (name: string) => boolean): Cases =>
  Object.fromEntries(Object.entries(cases).filter(([name]) => fits(name)))
