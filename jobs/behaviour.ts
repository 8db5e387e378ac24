import type { CompiledJob, Dispatch } from './compile.ts'
import type { Event } from './event.ts'
import type { Step } from './feature.ts'
import type { Job, JobContext, Timer } from './job.ts'
import type { JsonWriter } from './json-writer.ts'
import type { JobState, Layout } from './layout.ts'
import { undoable } from './state-copy.ts'

/** The timer of all windows: a tile leaves one, a session ends. */
const decayTimer = 'decay'

export interface Settling {
  /** Lets segments and thresholds see a state that was changed from outside; may throw. */
  settle(state: JobState, time: number, context: JobContext): void
}

type Behaviour = Settling &
  Pick<Job<JobState>, 'absorb' | 'takesLate' | 'nextTimer' | 'fire' | 'cancel' | 'row' | 'writeRow'>

/** What a compiled job does with one user's state. The hot loop: nothing of the definition is looked up in it. */
export function behaviour(compiled: CompiledJob, decay: 'time' | 'event'): Behaviour {
  const { layout, timers, mayThrow } = compiled
  const stepsMax = Math.max(
    ...[compiled.steps, compiled.lateSteps].flatMap(({ byEvent, others }) =>
      [others, ...byEvent.values()].map(steps => steps.length),
    ),
  )
  // What the steps read from the event in hand: kept from one event to the next only to save its allocation.
  const values: unknown[] = new Array(stepsMax).fill(undefined)

  const names = compiled.shows.map(({ name }) => Buffer.from(`,${JSON.stringify(name)}:`))

  function change(state: JobState, steps: readonly Step[], event: Event, context: JobContext) {
    let now = event.timestamp
    if (decay === 'time' && context.watermark !== undefined && context.watermark > now)
      now = context.watermark
    moveTime(layout, state, now)
    for (let i = 0; i < steps.length; i++) {
      const value = values[i]
      if (value !== undefined) steps[i]!.update(state, value, event, context)
    }
    watch(state, event.timestamp, context)
  }

  function fire(state: JobState, timer: Timer, context: JobContext) {
    if (decay === 'time') moveTime(layout, state, timer.time)
    timerOf(timer)?.fire(state, timer.time, context)
    watch(state, timer.time, context)
  }

  function watch(state: JobState, time: number, context: JobContext): void {
    if (compiled.watches.length === 0) return
    const features = featuresOf(compiled, state)
    for (const { check } of compiled.watches) check(state, features, time, context)
  }

  function timerOf({ name }: Timer) {
    return timers.find(timer => timer.name === name)
  }

  return {
    settle: watch,

    absorb(state, event, context) {
      if (event.type === 'delete') return context.drop()
      const steps = stepsOf(context.late === true ? compiled.lateSteps : compiled.steps, event)
      for (let i = 0; i < steps.length; i++) values[i] = steps[i]!.read(event)
      // From here on nothing throws where nothing says so.
      if (mayThrow) undoable(state, () => change(state, steps, event, context))
      else change(state, steps, event, context)
    },

    takesLate: event => stepsOf(compiled.lateSteps, event).length > 0,

    nextTimer(state) {
      let time = decay === 'time' ? nextDecay(layout, state) : Number.POSITIVE_INFINITY
      let name = decayTimer
      for (const timer of timers) {
        const next = timer.next(state)
        if (next > time || (next === time && timer.name > name)) continue
        time = next
        name = timer.name
      }
      return time === Number.POSITIVE_INFINITY ? undefined : { time, name }
    },

    fire(state, timer, context) {
      if (mayThrow) undoable(state, () => fire(state, timer, context))
      else fire(state, timer, context)
    },

    cancel(state, timer) {
      if (decay === 'time') moveTime(layout, state, timer.time)
      timerOf(timer)?.cancel(state, timer.time)
    },

    row: state => ({
      features: featuresOf(compiled, state),
      segments: segmentsOf(compiled, state),
    }),

    writeRow(state, to) {
      to.ascii('"features":')
      writeFeatures(compiled, names, state, to)
      to.ascii(',"segments":')
      to.value(segmentsOf(compiled, state))
    },
  }
}

function stepsOf({ byEvent, others }: Dispatch, event: Event): readonly Step[] {
  return byEvent.get(event.event) ?? others
}

function segmentsOf({ segments }: CompiledJob, state: JobState): string[] {
  const names: string[] = []
  for (const { name, at } of segments) if (state.numbers[at] === 1) names.push(name)
  return names
}

function featuresOf({ shows }: CompiledJob, state: JobState): Record<string, unknown> {
  const features: Record<string, unknown> = {}
  for (let i = 0; i < shows.length; i++) {
    const { name, show } = shows[i]!
    const value = show(state, features)
    if (value !== undefined) features[name] = value
  }
  return features
}

/** As JSON, the same as of `featuresOf`. */
function writeFeatures(
  compiled: CompiledJob,
  names: readonly Uint8Array[],
  state: JobState,
  to: JsonWriter,
): void {
  const { shows, showsOthers } = compiled
  if (showsOthers) {
    to.value(featuresOf(compiled, state))
    return
  }
  let isFirst = true
  to.ascii('{')
  for (let i = 0; i < shows.length; i++)
    if (to.member(names[i]!, shows[i]!.show(state, none), isFirst)) isFirst = false
  to.ascii('}')
}

const none = {}

function nextDecay({ clocks }: Layout, state: JobState): number {
  let time = Number.POSITIVE_INFINITY
  for (let i = 0; i < clocks.length; i++) time = Math.min(time, clocks[i]!.next(state))
  return time
}

/** Never back. */
function moveTime({ clocks }: Layout, state: JobState, now: number): void {
  if (now <= state.now) return
  state.now = now
  for (let i = 0; i < clocks.length; i++) clocks[i]!.advance(state)
}
