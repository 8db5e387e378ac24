import type { Clock } from './clock.ts'
import { type FrameReader, frameReader, isFramed, payloadOf, schemaIdOf } from './confluent.ts'
import { BadRecord } from './decode.ts'
import { RegistryAway, type RegistryOptions, SchemaRegistry } from './registry.ts'

/** A registry's ids are positive 32-bit numbers; it would not even say that it has no other. */
const idMax = 0x7fff_ffff
const readersMax = 1_000
/** That an id is registered nowhere is believed for so long. */
const unknownMs = 60_000
const retryMsMin = 100
const retryMsMax = 2_000

/** The schemas of a lane. */
export function openSchemas(options: RegistryOptions, clock: Clock): Schemas {
  return new Schemas(new SchemaRegistry(options, clock), clock)
}

/**
 * What a lane knows of the schemas that its records name. Records are read without waiting, so a task asks
 * `ready` first, and waits where it says no: a registry that is away stops a task, and never makes its records bad.
 */
export class Schemas {
  readonly #registry: SchemaRegistry
  readonly #clock: Clock
  readonly #readers = new Map<number, FrameReader>()
  /** Ids that the registry did not know, and when it said so. */
  readonly #unknown = new Map<number, number>()
  readonly #loading = new Map<number, Loading>()
  readonly #closing = new AbortController()

  constructor(registry: SchemaRegistry, clock: Clock) {
    this.#registry = registry
    this.#clock = clock
  }

  /** Whether a record with this value can be read now. If not, its schema is fetched, and `onReady` called once. */
  ready(value: Buffer | null, onReady: () => void): boolean {
    if (!isFramed(value)) return true
    const id = schemaIdOf(value)
    if (id > idMax || this.#readers.has(id) || this.#isUnknown(id)) return true
    const loading = this.#loading.get(id)
    if (loading) loading.waiting.add(onReady)
    else void this.#load(id, onReady)
    return false
  }

  /**
   * Of a framed value.
   *
   * @throws BadRecord
   */
  read(framed: Buffer): unknown {
    if (!isFramed(framed))
      throw new BadRecord(
        'not_decodable',
        'the value begins with 0x00, and ends before its schema id',
      )
    const id = schemaIdOf(framed)
    const reader = this.#readers.get(id)
    if (reader) return reader(payloadOf(framed))
    throw new BadRecord(
      'unknown_schema',
      `the registry ${this.#registry.url} has no schema ${id}; register it and replay the record, or make its producer use this registry`,
    )
  }

  /** Why a record with this value has to wait; `undefined` while nothing is wrong. */
  trouble(value: Buffer | null): string | undefined {
    return isFramed(value) ? this.#loading.get(schemaIdOf(value))?.trouble : undefined
  }

  close(): void {
    this.#closing.abort()
    this.#registry.close()
  }

  #isUnknown(id: number): boolean {
    const since = this.#unknown.get(id)
    return since !== undefined && this.#clock.elapsed() - since < unknownMs
  }

  async #load(id: number, onReady: () => void): Promise<void> {
    const loading: Loading = { waiting: new Set([onReady]), trouble: undefined }
    this.#loading.set(id, loading)
    for (
      let waitMs = retryMsMin;
      !this.#closing.signal.aborted;
      waitMs = Math.min(waitMs * 2, retryMsMax)
    ) {
      try {
        const schema = await this.#registry.schema(id)
        if (schema) keep(this.#readers, id, frameReader(id, schema))
        else keep(this.#unknown, id, this.#clock.elapsed())
        break
      } catch (error) {
        const what = error instanceof RegistryAway ? error.message : `: ${String(error)}`
        loading.trouble = `schema ${id} is not known yet: the registry ${this.#registry.url} ${what}`
        await this.#clock.sleep(waitMs, this.#closing.signal)
      }
    }
    this.#loading.delete(id)
    for (const each of loading.waiting) each()
  }
}

interface Loading {
  readonly waiting: Set<() => void>
  trouble: string | undefined
}

/** The oldest of too many is forgotten, and fetched again when a record names it. */
function keep<Value>(known: Map<number, Value>, id: number, value: Value): void {
  known.delete(id)
  const oldest = known.keys().next()
  if (known.size >= readersMax && !oldest.done) known.delete(oldest.value)
  known.set(id, value)
}
