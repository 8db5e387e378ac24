import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { buffer } from 'node:stream/consumers'
import { assert, suite } from '../harness.ts'
import { senders } from './clients.ts'
import { openSdkWorld, type SdkWorld } from './sdk-world.ts'

const test = suite('SDKs that try again', { timeoutMs: 60_000 })
const sdks = Object.entries(senders)

/** What becomes of the first request of each SDK; the next ones are passed on. */
const fates: Readonly<Record<string, { readonly status?: number; readonly passedOn: boolean }>> = {
  'answered 429 with Retry-After': { status: 429, passedOn: false },
  'answered 503 with Retry-After': { status: 503, passedOn: false },
  'taken, and its answer was lost': { passedOn: true },
}

let world: SdkWorld
let between: Server
let url = ''
const tried = new Set<string>()

test.before(async () => {
  world = await openSdkWorld()
  between = createServer((request, response) => void handle(request, response))
  await new Promise<void>(resolve => between.listen(0, '127.0.0.1', resolve))
  const address = between.address()
  url = `http://127.0.0.1:${typeof address === 'object' ? address?.port : ''}`
})
test.after(async () => {
  between.closeAllConnections()
  between.close()
  await world.close()
})

for (const [fate, { passedOn }] of Object.entries(fates))
  test(`a first request that was ${fate}: the event is on the topic${passedOn ? ' again, under the id that it had' : ' once'}`, async () => {
    const sent = sdks.map(([sdk, send]) => send(`${url}/${encodeURIComponent(sdk + fate)}`))
    assert.equal(
      await Promise.all(sent),
      sdks.map(() => true),
      'each SDK says that it is delivered',
    )
    const times = passedOn ? 2 : 1
    const ids = (await world.arrived(sdks.length * times)).map(({ messageId }) => messageId)
    assert.is(new Set(ids).size, sdks.length)
  })

test.run()

async function handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const body = await buffer(request)
  const [, sender = '', ...rest] = (request.url ?? '').split('/')
  const fate = Object.entries(fates).find(([name]) =>
    decodeURIComponent(sender).endsWith(name),
  )?.[1]
  const isFirst = request.method === 'POST' && !tried.has(sender)
  if (isFirst) tried.add(sender)
  if (isFirst && fate?.passedOn === false)
    return void response.writeHead(fate.status ?? 503, { 'retry-after': '1' }).end()
  const headers = new Headers()
  for (const name of ['authorization', 'content-type', 'content-encoding']) {
    const value = request.headers[name]
    if (typeof value === 'string') headers.set(name, value)
  }
  const method = request.method ?? 'GET'
  const sent = method === 'POST' ? { body } : {}
  const answer = await fetch(`${world.url}/${rest.join('/')}`, { method, headers, ...sent })
  const text = await answer.text()
  if (isFirst) return void response.destroy()
  response.writeHead(answer.status, { 'content-type': 'application/json' }).end(text)
}
