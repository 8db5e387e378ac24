import type { Clock } from './clock.ts'

export interface RegistryOptions {
  /** `http://host:8081`, with a path where the registry stands behind one; no user in it. */
  readonly url: string
  /** For HTTP's basic authentication. */
  readonly login?: { readonly user: string; readonly secret: string } | undefined
}

/** A schema as it was registered. */
export interface RegisteredSchema {
  readonly type: 'AVRO' | 'JSON' | 'PROTOBUF'
  readonly text: string
  /** The schemas that it refers to, each after those that it refers to itself. */
  readonly references: readonly { readonly name: string; readonly text: string }[]
}

/** The registry cannot be asked now: it is to be asked again. For people; no secret is in it. */
export class RegistryAway extends Error {
  override readonly name = 'RegistryAway'
}

const answerMsMax = 10_000
const answerBytesMax = 2 * 1024 * 1024
const referencesMax = 50
/** A follower of the registry may not know yet what its leader has just taken. */
const followerMs = 500
const followerEveryMs = 10_000

/** The registry's own codes for a schema, a subject and a version that it does not have. */
const notThere = [40401, 40402, 40403]

type Answer = Readonly<Record<string, unknown>>

/**
 * A Confluent Schema Registry, or one with its REST API (Redpanda's, Karapace, Apicurio):
 * https://docs.confluent.io/platform/current/schema-registry/develop/api.html
 */
export class SchemaRegistry {
  readonly #base: string
  readonly #headers: Record<string, string>
  readonly #clock: Clock
  readonly #closing = new AbortController()
  #confirmedAt = Number.NEGATIVE_INFINITY

  constructor({ url, login }: RegistryOptions, clock: Clock) {
    this.#base = url.replace(/\/+$/, '')
    this.#headers = { accept: 'application/vnd.schemaregistry.v1+json, application/json' }
    if (login)
      this.#headers.authorization = `Basic ${Buffer.from(`${login.user}:${login.secret}`).toString('base64')}`
    this.#clock = clock
  }

  get url(): string {
    return this.#base
  }

  /** What is registered under an id, which never changes; `undefined`: nothing is. Rejects with `RegistryAway`. */
  async schema(id: number): Promise<RegisteredSchema | undefined> {
    const path = `/schemas/ids/${id}`
    const found = (await this.#get(path)) ?? (await this.#getAgain(path))
    if (found === undefined) return undefined
    const references = new Map<string, { name: string; text: string }>()
    await this.#refer(found, references, 0)
    return { ...readSchema(found, path), references: [...references.values()] }
  }

  close(): void {
    this.#closing.abort()
  }

  /** Asks a second time, but seldom: somebody may send ids that nobody ever registered. */
  async #getAgain(path: string): Promise<Answer | undefined> {
    if (this.#clock.elapsed() - this.#confirmedAt < followerEveryMs) return undefined
    this.#confirmedAt = this.#clock.elapsed()
    await this.#clock.sleep(followerMs, this.#closing.signal)
    return this.#get(path)
  }

  async #refer(
    schema: Answer,
    found: Map<string, { name: string; text: string }>,
    depth: number,
  ): Promise<void> {
    if (!Array.isArray(schema.references)) return
    for (const { name, subject, version } of schema.references as Answer[]) {
      const path = `/subjects/${encodeURIComponent(String(subject))}/versions/${encodeURIComponent(String(version))}`
      if (found.has(path)) continue
      if (found.size >= referencesMax || depth >= referencesMax)
        throw new RegistryAway(`a schema refers to more than ${referencesMax} others`)
      const referred = await this.#get(path)
      if (!referred)
        throw new RegistryAway(
          `a schema refers to ${subject} version ${version}, which is not registered`,
        )
      await this.#refer(referred, found, depth + 1)
      found.set(path, { name: String(name), text: readSchema(referred, path).text })
    }
  }

  async #get(path: string): Promise<Answer | undefined> {
    const signal = AbortSignal.any([this.#closing.signal, AbortSignal.timeout(answerMsMax)])
    let status: number
    let text: string
    try {
      const response = await fetch(this.#base + path, {
        headers: this.#headers,
        signal,
        redirect: 'error',
      })
      status = response.status
      text = await boundedText(response)
    } catch (error) {
      throw new RegistryAway(`does not answer (${reasonOf(error)})`, { cause: error })
    }
    const answer = parseAnswer(text)
    if (status === 200 && answer) return answer
    if (status === 404 && notThere.includes(Number(answer?.error_code))) return undefined
    const remedy =
      status === 401 || status === 403
        ? 'are --schema-registry-user and its secret right?'
        : status === 200 || status === 404
          ? 'is --schema-registry the URL of a registry?'
          : 'it is asked again'
    throw new RegistryAway(`answers ${status} to ${path}: ${remedy}`)
  }
}

function readSchema(
  { schema, schemaType = 'AVRO' }: Answer,
  path: string,
): Pick<RegisteredSchema, 'type' | 'text'> {
  const type = (['AVRO', 'JSON', 'PROTOBUF'] as const).find(each => each === schemaType)
  if (type !== undefined && typeof schema === 'string') return { type, text: schema }
  throw new RegistryAway(
    `answers no schema to ${path}: is --schema-registry the URL of a registry?`,
  )
}

async function boundedText(response: Response): Promise<string> {
  const pieces: Uint8Array[] = []
  let bytes = 0
  for await (const piece of response.body ?? []) {
    bytes += piece.length
    if (bytes > answerBytesMax) throw new Error(`more than ${answerBytesMax} bytes`)
    pieces.push(piece)
  }
  return Buffer.concat(pieces).toString('utf8')
}

function parseAnswer(text: string): Answer | undefined {
  try {
    const answer: unknown = JSON.parse(text)
    return typeof answer === 'object' && answer !== null ? (answer as Answer) : undefined
  } catch {
    return undefined
  }
}

/** fetch says no more than «fetch failed»; the cause says why. */
function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  if (error.name === 'TimeoutError') return `within ${answerMsMax / 1000} s`
  const { cause } = error
  if (cause instanceof Error) return 'code' in cause ? String(cause.code) : cause.message
  return error.message
}
