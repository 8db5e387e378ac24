import { Packr } from 'msgpackr'
import { parseJson } from '../http/json.ts'
import { Problem } from '../http/problem.ts'
import { type Clock, systemClock } from '../runtime/clock.ts'
import type { Telemetry } from '../runtime/telemetry.ts'
import type { Addresses } from './address.ts'
import { EventPacker } from './event-packer.ts'
import { packFailed } from './failed-event.ts'
import type { Fault } from './fault.ts'
import type { Arrival, Intake, Rejected, Taken } from './intake.ts'
import { writeIso } from './iso-time.ts'
import { eachPacked, type JsonEvents } from './json-events.ts'
import { MessageIds } from './message-id.ts'
import { isFault, type Moment, type Normal, normalise } from './normalise.ts'
import type { Plan, PlanFault } from './plan.ts'
import { type Sink, SinkFull, type SinkRecord } from './sink.ts'
import { rejectedTopicOf } from './topics.ts'

export interface EventIntakeOptions {
  readonly sink: Sink
  /** Of events; those that are not taken go to its `.rejected`. */
  readonly topic: string
  readonly telemetry: Telemetry
  /** Lets other requests have their turn within a large batch; the machine's when left out. */
  readonly clock?: Pick<Clock, 'turn'>
  /** An `identify` with an email address also joins the address to its user. */
  readonly addresses?: Addresses
  /** The tracking plan that events are judged by. */
  readonly plan?: Plan
  /** Of one event as it goes to the topic, encoded. */
  readonly eventBytesMax: number
}

export const EVENT_BYTES_MAX = 32 * 1024
/** So many are taken at once, in some five milliseconds; then other requests have their turn. */
const EVENTS_PER_TURN = 1_000

/** What has been made so far of the events of one call. */
interface Taking {
  readonly moment: Moment
  readonly records: SinkRecord[]
  readonly rejected: Rejected[]
}

/** The one intake of a collect process. Hot path: two promises for each call, none for an event. */
export class EventIntake implements Intake {
  readonly #options: EventIntakeOptions
  /** Plain maps, which every msgpack library reads; msgpackr's records only its own does. */
  readonly #packr = new Packr({ useRecords: false })

  readonly #packer = new EventPacker()
  readonly #rejectedTopic: string
  #refusal: { readonly reason: string; readonly until: number } | undefined

  constructor(options: EventIntakeOptions) {
    this.#options = options
    this.#rejectedTopic = rejectedTopicOf(options.topic)
  }

  take(events: readonly unknown[], arrival: Arrival): Promise<Taken> {
    const taking = beginning(arrival)
    if (events.length > EVENTS_PER_TURN) return this.#takeInTurns(events, taking)
    for (let index = 0; index < events.length; index++) this.#judge(events[index], index, taking)
    return this.#keep(events.length, taking)
  }

  async #takeInTurns(events: readonly unknown[], taking: Taking): Promise<Taken> {
    const { clock = systemClock } = this.#options
    for (let index = 0; index < events.length; index++) {
      if (index > 0 && index % EVENTS_PER_TURN === 0) await clock.turn()
      this.#judge(events[index], index, taking)
    }
    return this.#keep(events.length, taking)
  }

  takeJson(events: JsonEvents, arrival: Arrival): Promise<Taken> | undefined {
    const { plan, topic, eventBytesMax } = this.#options
    const { source, sentAt } = arrival
    if (plan !== undefined || source.requireConsent) return undefined
    if (sentAt !== undefined && typeof sentAt !== 'string') return undefined
    const taking = beginning(arrival)
    const { typeOfPath } = events
    const moment = { ...taking.moment, arrival: { ...arrival, sentAt }, type: typeOfPath }
    let index = 0
    const whole = eachPacked(this.#packer, events, moment, (value, json) => {
      if (index >= EVENTS_PER_TURN) return false
      if (value !== undefined && this.#packer.bytesMost <= eventBytesMax)
        taking.records.push({ topic, key: this.#packer.key, value })
      else if (typeOfPath !== undefined) return false
      else this.#judge(parseJson(json()), index, taking)
      index++
      return true
    })
    // What is put is copied before anybody else packs.
    return whole ? this.#keep(index, taking) : undefined
  }

  /** Resolves when the records are safe. */
  #keep(events: number, { moment: { arrival }, records, rejected }: Taking): Promise<Taken> {
    const taken = { accepted: events - rejected.length, rejected }
    const kept = () => {
      this.#count(arrival, taken)
      return taken
    }
    if (records.length === 0) return Promise.resolve(kept())
    const refused = (error: unknown) => this.#refused(error, arrival.receivedAt)
    return this.#options.sink.put(records).then(kept, refused)
  }

  /** Why events were refused a moment ago; `undefined` when they are taken. */
  refusedAt(now: number): string | undefined {
    return this.#refusal !== undefined && now < this.#refusal.until
      ? this.#refusal.reason
      : undefined
  }

  /** Puts the event's records to the others, or what is to be kept of one that is rejected. */
  #judge(event: unknown, index: number, { moment, records, rejected }: Taking): void {
    const fault = this.#add(event, moment, records)
    if (fault === undefined) return
    rejected.push({ index, ...fault })
    const value = packFailed(fault, event, moment.arrival)
    records.push({ topic: this.#rejectedTopic, key: null, value })
  }

  /** Puts the event's records to the others, or answers what is wrong with it. */
  #add(event: unknown, moment: Moment, records: SinkRecord[]): Fault | undefined {
    const normal = normalise(event, moment)
    if (isFault(normal)) return normal
    const unplanned = this.#unplanned(normal, moment.arrival)
    if (unplanned !== undefined) return { code: 'plan_failed', ...unplanned }
    const value = this.#packr.pack(normal.fields)
    const { topic, addresses, eventBytesMax } = this.#options
    if (value.length > eventBytesMax) {
      const reason = `expected at most ${eventBytesMax} bytes, got ${value.length}`
      return { code: 'too_large', path: '', reason }
    }
    records.push({ topic, key: normal.key, value })
    const link = normal.fields.type === 'identify' ? addresses?.linkOf(normal.fields) : undefined
    if (link !== undefined) records.push({ topic, key: normal.key, value: this.#packr.pack(link) })
    return undefined
  }

  #unplanned({ fields }: Normal, { source }: Arrival): PlanFault | undefined {
    const { plan, telemetry } = this.#options
    if (plan === undefined) return undefined
    const [fault] = plan.judge(fields)
    if (fault === undefined) return undefined
    const mode = plan.modeOf(source.name)
    telemetry.add('millrace_collect_plan_faults', 1, { source: source.name, mode })
    return mode === 'enforce' ? fault : undefined
  }

  #refused(error: unknown, now: number): never {
    if (!(error instanceof SinkFull)) throw error
    const until = now + error.retryAfterSeconds * 1000
    this.#refusal = { reason: `events are refused: ${error.message}`, until }
    const detail = 'no more events can be kept just now: send them again'
    throw new Problem(429, error.code, detail, { 'retry-after': String(error.retryAfterSeconds) })
  }

  #count({ source }: Arrival, { accepted, rejected }: Taken): void {
    const { telemetry } = this.#options
    if (accepted > 0) telemetry.add('millrace_collect_events', accepted, { source: source.name })
    for (const { code } of rejected)
      telemetry.add('millrace_collect_rejected_events', 1, { source: source.name, reason: code })
  }
}

function beginning(arrival: Arrival): Taking {
  const { receivedAt, source } = arrival
  const moment = { arrival, receivedAt: writeIso(receivedAt), ids: new MessageIds(source.name) }
  return { moment, records: [], rejected: [] }
}
