import type { Tiles } from '../state/tiles.ts'
import { dropTiles } from '../state/tiles.ts'
import type { CompiledJob } from './compile.ts'
import type { Value } from './feature.ts'
import type { Job } from './job.ts'
import { firstTile, type JobState, type Layout } from './layout.ts'

/** The one timer that there is: a tile leaves a window. */
const decayTimer = 'decay'

type Behaviour = Pick<Job<JobState>, 'absorb' | 'nextTimer' | 'fire' | 'cancel' | 'row'>

/** What a compiled job does with one user's state. The hot loop: nothing of the definition is looked up in it. */
export function behaviour(
  { layout, stepsByEvent, stepsOfOthers, fields }: CompiledJob,
  decay: 'time' | 'event',
): Behaviour {
  const stepsMax = Math.max(
    stepsOfOthers.length,
    ...[...stepsByEvent.values()].map(steps => steps.length),
  )
  // What the steps read from the event in hand: kept from one event to the next only to save its allocation.
  const values: (Value | undefined)[] = new Array(stepsMax).fill(undefined)

  return {
    absorb(state, event, context) {
      const steps = stepsByEvent.get(event.event) ?? stepsOfOthers
      for (let i = 0; i < steps.length; i++) values[i] = steps[i]!.read(event)
      // From here on nothing throws.
      let now = event.timestamp
      if (decay === 'time' && context.watermark !== undefined && context.watermark > now)
        now = context.watermark
      moveTime(layout, state, now)
      for (let i = 0; i < steps.length; i++) {
        const value = values[i]
        if (value !== undefined) steps[i]!.update(state, value, event, context)
      }
    },

    nextTimer(state) {
      if (decay === 'event') return undefined
      let time = Number.POSITIVE_INFINITY
      for (const { at, count, everyMs } of layout.tables) {
        const oldest = state.tables[at]![0]
        if (oldest !== undefined) time = Math.min(time, (oldest + count) * everyMs)
      }
      return time === Number.POSITIVE_INFINITY ? undefined : { time, name: decayTimer }
    },

    fire(state, timer) {
      moveTime(layout, state, timer.time)
    },

    cancel(state, timer) {
      moveTime(layout, state, timer.time)
    },

    row(state) {
      const features: Record<string, unknown> = {}
      for (const field of fields) {
        const value = field.value(state)
        if (value !== undefined) features[field.name] = value
      }
      return { features, segments: [] }
    },
  }
}

/** Never back. Every table keeps only the tiles of its window, so its first one is the next to leave. */
function moveTime(layout: Layout, state: JobState, now: number): void {
  if (now <= state.now) return
  state.now = now
  for (const table of layout.tables)
    dropTiles(state.tables[table.at] as Tiles, table.width, firstTile(table, now))
}
