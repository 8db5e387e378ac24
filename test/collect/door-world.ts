import type { FastifyInstance, LightMyRequestResponse } from 'fastify'
import { addDoors, type DoorsOptions } from '../../collect/doors.ts'
import {
  EVENT_BYTES_MAX,
  EventIntake,
  type EventIntakeOptions,
} from '../../collect/event-intake.ts'
import { type FailedEvent, unpackFailed } from '../../collect/failed-event.ts'
import { createGuard } from '../../collect/guard.ts'
import { BATCH_BYTES_MAX } from '../../collect/segment-routes.ts'
import type { Sink, SinkRecord } from '../../collect/sink.ts'
import { eventsTopic, rejectedTopicOf } from '../../collect/topics.ts'
import { hashOf, type Key, keysOf } from '../../http/keys.ts'
import { createApp } from '../../http/server.ts'
import type { Tokens } from '../../http/tokens.ts'
import type { Event } from '../../jobs/event.ts'
import { type Clock, systemClock } from '../../runtime/clock.ts'
import { decodeEvent } from '../../runtime/decode.ts'
import { noTelemetry } from '../../runtime/telemetry.ts'

/** What time it is in a world of doors. */
export const NOW = Date.parse('2026-11-22T10:00:00.000Z')

export interface DoorWorldOptions extends Partial<DoorsOptions & EventIntakeOptions> {
  /** By secret; `dev` when left out. */
  readonly keys?: Readonly<Record<string, Key>>
  readonly trustProxy?: number
  /** Requests of a second; any number when left out. */
  readonly perAddress?: number
}

/** All ways in without a socket and without a broker: what is safe lies in `records`. */
export class DoorWorld {
  readonly app: FastifyInstance
  readonly records: SinkRecord[] = []
  /** Epoch ms; tests may set it. */
  now = NOW
  /** What the sink rejects the next put with. */
  refusal: Error | undefined

  constructor(options: DoorWorldOptions = {}) {
    const clock: Clock = { ...systemClock, now: () => this.now }
    const sink: Sink = {
      put: async records => {
        if (this.refusal !== undefined) throw this.refusal
        for (const record of records) // as the sink promises, whose caller uses its buffer again
          this.records.push({ ...record, value: record.value && Buffer.from(record.value) })
      },
      close: async () => undefined,
    }
    const keys = options.keys ?? { dev: { name: 'dev', action: 'write' } }
    const hashed = keysOf(
      Object.entries(keys).map(([secret, key]) => ({ key, hashes: [hashOf(secret)] })),
    )
    const limits = { eventBytesMax: EVENT_BYTES_MAX, batchBytesMax: BATCH_BYTES_MAX, keepIp: true }
    const whole = { sink, telemetry: noTelemetry, topic: eventsTopic, ...limits, ...options }
    this.app = createApp({
      ...{
        health: async () => ({ alive: true }),
        ready: async () => ({ ready: true, reasons: [] }),
      },
      metrics: async () => '',
      bodyBytesMax: whole.batchBytesMax,
      protection: {
        ...{ keys: hashed, keyed: true },
        ...{ perAddress: options.perAddress ?? 0, trustProxy: options.trustProxy ?? 0 },
      },
      routes: (app, access) => {
        const intake = new EventIntake(whole)
        const guard = createGuard(access)
        addDoors(
          { app, intake, sink, guard, tokens: noTokens, clock, telemetry: whole.telemetry },
          whole,
        )
      },
    })
  }

  /** The events that are safe, as a job reads them. */
  get events(): Event[] {
    return this.raw.map(value => decodeEvent(value, this.now))
  }

  /** Their bytes. */
  get raw(): Buffer[] {
    return this.#valuesOf(eventsTopic)
  }

  get keys(): (string | null)[] {
    return this.records.filter(({ topic }) => topic === eventsTopic).map(({ key }) => key)
  }

  get rejected(): FailedEvent[] {
    return this.#valuesOf(rejectedTopicOf(eventsTopic)).map(unpackFailed)
  }

  /** Sends a body as JSON; `headers` over what a plain client sends. */
  post(
    url: string,
    body: unknown,
    headers: Record<string, string> = { authorization: 'Bearer dev' },
  ): Promise<LightMyRequestResponse> {
    const payload = typeof body === 'string' || Buffer.isBuffer(body) ? body : JSON.stringify(body)
    return this.app.inject({ method: 'POST', url, payload, headers })
  }

  #valuesOf(topic: string): Buffer[] {
    return this.records.flatMap(record =>
      record.topic === topic && record.value !== null ? [Buffer.from(record.value)] : [],
    )
  }
}

const noTokens: Tokens = { sign: () => 'none', open: () => ({ fault: 'unknown_key' }) }
