import { type Clock, systemClock } from '../../runtime/clock.ts'

/** A clock on which waiting takes no time but is written down, and moves what `elapsed` says. */
export function quickClock(): Clock & { readonly waits: number[] } {
  const waits: number[] = []
  let elapsed = 0
  return {
    ...systemClock,
    waits,
    now: () => Date.UTC(2026, 0, 1) + elapsed,
    elapsed: () => elapsed,
    async sleep(ms) {
      waits.push(ms)
      elapsed += ms
      await systemClock.turn()
    },
  }
}
