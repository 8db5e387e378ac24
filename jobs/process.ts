import { type Event, plainEvent } from './event.ts'
import type { Feature } from './feature.ts'
import { type JobContext, JobError, type Rekeyed } from './job.ts'
import type { JobState, Plain } from './layout.ts'
import { targetTopic } from './rekeying.ts'
import type { Selection } from './selection.ts'
import { checkOptions, eventNames, predicate } from './selection.ts'
import { shown } from './shown.ts'
import type { Tables } from './table.ts'

export interface ProcessOptions<State> extends Selection {
  /** A new user's state: objects, arrays, texts, numbers, booleans and null; the runtime bounds its bytes. */
  readonly create: () => State
  /** Takes an event into the state, in place. What it throws sends the event to `<job>.dead`, and nothing changes. */
  readonly on: (state: State, event: Event, context: ProcessContext) => void
  /** A timer that was set is due. */
  readonly timer?: (state: State, timer: string, context: ProcessContext) => void
  /** What the row shows; `undefined` leaves the field out. */
  readonly value?: (state: State) => unknown
  /** The topics of other jobs that `context.rekey` may send to. Each must exist before the job starts. */
  readonly rekeys?: readonly string[]
  /** For a user who becomes known: takes what he did before into his state. Left out: his own alone goes on. */
  readonly merge?: (state: State, before: State) => void
}

export interface ProcessContext {
  readonly key: string
  /** Epoch ms of event time: the event's, or the timer's. */
  readonly time: number
  /** The task's watermark, epoch ms; `undefined` before the first event. */
  readonly watermark: number | undefined
  /** The job's tables, by name. */
  readonly tables: Tables
  /** Sets the timer of that name, or moves it; a time that has passed is due at once. At most 32 names. */
  setTimer(name: string, time: number): void
  cancelTimer(name: string): void
  /** Sends a trigger record, named as this feature. At most one in a step. */
  emit(reason: string): void
  /**
   * Sends an event to another key, of a job that is chained to this one: `rekey({ to, key, event })`, `to` being one
   * of `rekeys`. It takes effect there exactly once; at most 1,000 in a step. Throws where the event in hand was
   * rekeyed itself.
   */
  rekey(record: Rekeyed & { readonly to: string }): void
}

const timersMax = 32
/** Of events that make two keys one, or that erase one. */
const reservedTypes = ['link', 'merge', 'delete']

/** `[state, name, time, name, time, …]` */
type Cell = [state: Plain, ...timers: (string | number)[]]

/**
 * A feature of one's own making, for what the vocabulary lacks: any state, any timers. Pure: no clock, no
 * randomness, nothing from outside; time is `context.time`.
 */
export function process<State>(options: ProcessOptions<State>): Feature {
  return {
    role: 'feature',
    kind: 'process',
    options,
    compile(scope) {
      const functions = ['create', 'on', 'timer', 'value', 'merge'] as const
      checkOptions(scope, options, ['of', 'where', 'purpose', 'rekeys', ...functions])
      for (const name of functions) {
        const needed = name === 'create' || name === 'on'
        if (typeof options[name] !== 'function' && (needed || options[name] !== undefined))
          scope.fail(`${name} is no function`, `write ${name}: (state) => …`)
      }
      const { rekeys = [] } = options
      if (!Array.isArray(rekeys))
        scope.fail(`rekeys is ${JSON.stringify(rekeys)}`, "write topics: rekeys: ['products']")
      for (const topic of rekeys) targetTopic(scope, topic)
      const wanted = predicate(scope, options.where)
      const at = scope.cell('state', {
        create: () => [options.create() as Plain],
        merge(into, from) {
          options.merge?.(into[0] as State, from[0] as State)
          return into
        },
      })
      const cellOf = (state: JobState) => state.cells[at] as Cell
      const contextOf = (cell: Cell, time: number, context: JobContext): ProcessContext => ({
        key: context.key,
        time,
        watermark: context.watermark,
        tables: scope.tables,
        setTimer: (name, due) => setTimer(cell, name, due),
        cancelTimer: name => cancelTimer(cell, name),
        emit: reason => context.emit({ name: scope.name, reason, time }),
        rekey(record) {
          if (reservedTypes.includes(record.event.type))
            throw new JobError('bad_rekey', `rekey: the type ${record.event.type} is the runtime's`)
          context.rekey(record)
        },
      })
      const { show, watch } = shown(scope, state => options.value?.(cellOf(state)[0] as State))
      return {
        rekeys,
        mayThrow: true,
        steps: [
          {
            events: eventNames(scope, 'of', options.of),
            takesLate: true,
            step: {
              read: event => (wanted(event) ? event : undefined),
              update(state, _value, event, context) {
                const cell = cellOf(state)
                options.on(
                  cell[0] as State,
                  plainEvent(event),
                  contextOf(cell, event.timestamp, context),
                )
              },
            },
          },
        ],
        show,
        watch,
        timer: {
          next: state => dueOf(cellOf(state)).time,
          fire(state, time, context) {
            const cell = cellOf(state)
            const { name } = dueOf(cell)
            cancelTimer(cell, name)
            options.timer?.(cell[0] as State, name, contextOf(cell, time, context))
          },
          cancel(state) {
            const cell = cellOf(state)
            cancelTimer(cell, dueOf(cell).name)
          },
        },
      }
    },
  }
}

/** The first by time, then by name. */
function dueOf([, ...timers]: Cell): { name: string; time: number } {
  let due = { name: '', time: Number.POSITIVE_INFINITY }
  for (let at = 0; at < timers.length; at += 2) {
    const [name, time] = [timers[at] as string, timers[at + 1] as number]
    if (time < due.time || (time === due.time && name < due.name)) due = { name, time }
  }
  return due
}

function setTimer(cell: Cell, name: string, time: number): void {
  if (typeof name !== 'string' || !Number.isFinite(time))
    throw new TypeError(`setTimer: expected a name and epoch ms, found ${name}, ${time}`)
  const at = cell.indexOf(name, 1)
  if (at > 0) cell[at + 1] = time
  else if (cell.length > 2 * timersMax)
    throw new RangeError(`setTimer: a user has at most ${timersMax} timers of one feature`)
  else cell.push(name, time)
}

function cancelTimer(cell: Cell, name: string): void {
  const at = cell.indexOf(name, 1)
  if (at > 0) cell.splice(at, 2)
}
