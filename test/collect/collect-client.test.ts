import { CollectClient } from '../../collect/collect-client.ts'
import { assert, rejects, suite } from '../harness.ts'
import { quickClock } from './quick-clock.ts'
import { refuse, SmallSource, sendJson } from './small-source.ts'

const test = suite('client of collect')
const collect = new SmallSource()
let clock: ReturnType<typeof quickClock>
let client: CollectClient
let troubles: string[]
let ends: AbortController

test.before(() => collect.start())
test.after(() => collect.stop())
test.before.each(() => {
  clock = quickClock()
  troubles = []
  ends = new AbortController()
  collect.asked.length = 0
  client = new CollectClient({
    ...{ url: `${collect.url}/`, writeKey: 'secret', clock, signal: ends.signal, giveUpMs: 60_000 },
    onTrouble: reason => void troubles.push(reason),
  })
})
test.after.each(() => client.close())

test('sends with its key and tells what was taken', async () => {
  const rejected = [{ index: 1, code: 'no_user', path: 'userId', reason: 'expected one' }]
  collect.answer = (_asked, response) => sendJson(response, { accepted: 1, rejected })
  assert.equal(await client.send('/v1/events', '{"events":[]}'), { accepted: 1, rejected })
  const [asked] = collect.asked
  assert.equal([asked?.method, asked?.url, asked?.body], ['POST', '/v1/events', '{"events":[]}'])
  assert.is(asked?.headers.authorization, 'Bearer secret')
  assert.equal(troubles, [])
})

test('422 is an answer too: all of it is kept as rejected', async () => {
  collect.answer = (_asked, response) => {
    response.statusCode = 422
    response.end(JSON.stringify({ code: 'no_user', accepted: 0, rejected: [{ index: 0 }] }))
  }
  assert.equal(await client.send('/v1/events', '{}'), { accepted: 0, rejected: [{ index: 0 }] })
})

test('tries again for as long as it may help, and waits as it is asked to', async () => {
  let tries = 0
  collect.answer = (_asked, response) => {
    if (++tries === 1) refuse(response, 429, { 'retry-after': '3' })
    else if (tries === 2) refuse(response, 503)
    else if (tries === 3) response.destroy()
    else sendJson(response, { accepted: 1, rejected: [] })
  }
  await client.send('/v1/events', '{}')
  assert.equal(clock.waits, [3_000, 400, 800])
  assert.equal(troubles.slice(0, 2), ['it answered 429', 'it answered 503'])
})

test('gives up after a bounded time, and says what to do', async () => {
  collect.answer = (_asked, response) => refuse(response, 500)
  const gone = await rejects(() => client.send('/v1/events', '{}'), 'collect_away')
  assert.match(
    gone.message,
    /taken nothing for 60 s \(it answered 500\): see that "millrace collect"/,
  )
  const waited = clock.waits.reduce((sum, ms) => sum + ms, 0)
  assert.ok(waited >= 60_000 && waited < 80_000, String(waited))
})

test('does not try again what will not be taken, and follows no redirect', async () => {
  collect.answer = (_asked, response) => {
    response.statusCode = 401
    response.end(JSON.stringify({ detail: 'no such key' }))
  }
  const wrong = await rejects(() => client.send('/v1/events', '{}'), 'collect_refused')
  assert.match(wrong.message, /answered 401: no such key; is --write-key right\?$/)
  assert.not.match(wrong.message, /secret/)
  collect.answer = (_asked, response) => refuse(response, 301, { location: 'http://127.0.0.1:1/' })
  await rejects(() => client.send('/v1/events', '{}'), 'collect_refused')
  collect.answer = (_asked, response) => response.end('<html>another program</html>')
  await rejects(() => client.send('/v1/events', '{}'), 'collect_refused')
  assert.is(collect.asked.length, 3)
})

test('ends at once at the signal', async () => {
  collect.answer = (_asked, response) => {
    ends.abort()
    refuse(response, 503)
  }
  await rejects(() => client.send('/v1/events', '{}'), 'interrupted')
})

test.run()
