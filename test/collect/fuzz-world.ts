import { connect } from 'node:net'
import { performance } from 'node:perf_hooks'
import { addressesOf } from '../../collect/address.ts'
import { EVENT_BYTES_MAX } from '../../collect/event-intake.ts'
import { unpackFailed } from '../../collect/failed-event.ts'
import { BATCH_BYTES_MAX } from '../../collect/segment-routes.ts'
import { type Collect, startCollect } from '../../collect/server.ts'
import type { SinkRecord } from '../../collect/sink.ts'
import { eventsTopic, rejectedTopicOf } from '../../collect/topics.ts'
import type { WebhookEntry } from '../../collect/webhook-file.ts'
import { providers } from '../../collect/webhook-providers.ts'
import { hashOf, keysOf } from '../../http/keys.ts'
import { newSigningSecrets, signingKeysOf } from '../../http/signing-file.ts'
import { createTokens } from '../../http/tokens.ts'
import { systemClock } from '../../runtime/clock.ts'
import { decodeEvent } from '../../runtime/decode.ts'
import { noTelemetry } from '../../runtime/telemetry.ts'
import { FUZZ_KEY, type FuzzRequest } from './fuzz-requests.ts'

const NEIGHBOUR = 'the-key-of-a-neighbour'
const ANSWER_MS_MAX = 15_000

/** A door on a socket, what it let through, and what it said to its log. */
export class FuzzWorld {
  readonly faults: string[] = []
  #records: SinkRecord[] = []
  #collect: Collect | undefined

  async start(): Promise<void> {
    const now = () => systemClock.now()
    const secrets = newSigningSecrets(now())
    const addresses = addressesOf(secrets.addressSecret)
    const fetch = async () => {
      throw new Error('nobody is to be asked')
    }
    this.#collect = await startCollect({
      ...{
        host: '127.0.0.1',
        port: 0,
        topic: eventsTopic,
        clock: systemClock,
        telemetry: noTelemetry,
        keepIp: true,
      },
      sink: {
        put: async records => {
          for (const record of records) // as the sink promises, whose caller uses its buffer again
            this.#records.push({ ...record, value: record.value && Buffer.from(record.value) })
        },
        close: async () => undefined,
      },
      protection: {
        keys: keysOf([
          { key: { name: 'fuzz', action: 'write' }, hashes: [hashOf(FUZZ_KEY)] },
          { key: { name: 'neighbour', action: 'write' }, hashes: [hashOf(NEIGHBOUR)] },
        ]),
        ...{ keyed: true, perAddress: 0 },
      },
      addresses,
      webhooks: { webhooks: FUZZED.map(webhookOf), addresses, fetch },
      tokens: createTokens(signingKeysOf(() => secrets, now)),
      logger: { error: (found: unknown) => this.#fault(`a 500: ${describe(found)}`) },
      ...{ eventBytesMax: EVENT_BYTES_MAX, batchBytesMax: BATCH_BYTES_MAX },
    })
  }

  stop(): Promise<void> {
    return this.#collect?.stop() ?? Promise.resolve()
  }

  /** Sends it, and notes as a fault whatever is neither taken nor refused in words. Answers the statuses. */
  async send(request: FuzzRequest): Promise<number[]> {
    const { name } = request
    const answer = await exchange(this.#port, request)
    if (answer === undefined) {
      this.#fault(`${name}: no end after ${ANSWER_MS_MAX} ms`)
      return []
    }
    const statuses = [...answer.matchAll(/HTTP\/1\.1 (\d{3}) /g)].map(([, text]) => Number(text))
    if (statuses.some(status => status >= 500)) this.#fault(`${name}: ${statuses}`)
    const refused = statuses.some(status => status >= 400)
    const inWords = /application\/problem\+json[\s\S]*"code":"\w+"|text\/html/.test(answer)
    if (refused && !inWords) this.#fault(`${name}: refused without words: ${answer.slice(0, 200)}`)
    if (/isAdmin/.test(answer)) this.#fault(`${name}: repeated`)
    this.#judge(name)
    return statuses
  }

  /** Another client's requests, one after the other, until `done`; their times, ms, sorted. */
  async neighbour(done: Promise<unknown>): Promise<number[]> {
    let ended = false
    const end = done.finally(() => {
      ended = true
    })
    const times: number[] = []
    const body = JSON.stringify({ type: 'track', event: 'Order Completed', userId: 'n' })
    while (!ended) {
      const start = performance.now()
      const headers = { authorization: `Bearer ${NEIGHBOUR}`, 'content-type': 'application/json' }
      const url = `http://127.0.0.1:${this.#port}/v1/track`
      const answer = await fetch(url, { method: 'POST', headers, body })
      if (answer.status !== 200) this.#fault(`the neighbour got ${answer.status}`)
      await answer.text()
      times.push(performance.now() - start)
      await new Promise(resolve => setTimeout(resolve, 5))
    }
    await end
    return times.sort((a, b) => a - b)
  }

  get #port(): number {
    return this.#collect?.port ?? 0
  }

  #fault(text: string): void {
    if (this.faults.length < 20) this.faults.push(text)
  }

  /** What is on the topics must be readable by whoever reads them. */
  #judge(name: string): void {
    for (const { topic, value, key } of this.#records.splice(0)) {
      if (value === null) continue
      try {
        const bytes = Buffer.from(value)
        // What stands below such keys in the corpus, spelt in any way.
        if (bytes.includes('isAdmin')) this.#fault(`${name}: __proto__ on the topic`)
        if (topic === rejectedTopicOf(eventsTopic)) this.#judgeRejected(name, unpackFailed(bytes))
        if (topic !== eventsTopic) continue
        decodeEvent(bytes, systemClock.now())
        if (key === null || bytes.length > EVENT_BYTES_MAX) this.#fault(`${name}: a bad record`)
      } catch (error) {
        this.#fault(`${name}: on ${topic}, ${describe(error)}`)
      }
    }
    if ('isAdmin' in {}) this.#fault(`${name}: every object was changed`)
  }

  #judgeRejected(name: string, { code, reason, source }: ReturnType<typeof unpackFailed>): void {
    if (!/^[a-z_]+$/.test(code) || reason === '') this.#fault(`${name}: rejected without words`)
    if (!['fuzz', 'neighbour'].includes(source)) this.#fault(`${name}: source ${source}`)
  }
}

/** Those whose bodies are read before a signature in them is, or without one. */
const FUZZED = ['sparkpost', 'mailchimp', 'mailgun', 'mandrill', 'ses']

function webhookOf(name: string): WebhookEntry {
  const provider = providers.find(each => each.name === name)
  if (provider === undefined) throw new Error(`there is no provider ${name}`)
  const options = { url: 'https://door.example/x', userIdField: 'user_id', keepAddress: true }
  return { provider, name: '', source: 'fuzz', secrets: [FUZZ_KEY], ...options }
}

/** All that comes back until the server ends the connection; `undefined` when it does not. */
function exchange(port: number, { pieces }: FuzzRequest): Promise<string | undefined> {
  return new Promise(resolve => {
    let text = ''
    const socket = connect({ port, host: '127.0.0.1' }, () => {
      for (const piece of pieces) socket.write(piece)
      socket.end()
    })
    const timer = setTimeout(() => {
      resolve(undefined)
      socket.destroy()
    }, ANSWER_MS_MAX)
    socket.setNoDelay(true)
    socket.on('data', bytes => {
      if (text.length < 100_000) text += bytes.toString('latin1')
    })
    // The server may end it while we still write.
    socket.on('error', () => undefined)
    socket.on('close', () => {
      clearTimeout(timer)
      resolve(text)
    })
  })
}

function describe(found: unknown): string {
  const error =
    found instanceof Error ? found : Object.values(found ?? {}).find(each => each instanceof Error)
  return error instanceof Error
    ? `${error.stack?.split('\n').slice(0, 3).join(' ')}`
    : String(found)
}
