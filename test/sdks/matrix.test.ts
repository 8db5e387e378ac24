import { assert, suite } from '../harness.ts'
import { senders } from './clients.ts'
import { type Column, measureServers, writtenColumn } from './matrix.ts'
import { openStubServer, type StubServer } from './stub-server.ts'

const test = suite('what SDKs of servers make of answers', { timeoutMs: 120_000 })
let stub: StubServer | undefined
let measured: ReadonlyMap<string, Column> = new Map()

test.before(async () => {
  stub = await openStubServer()
  measured = await measureServers(stub)
})
test.after(() => stub?.close())

for (const sdk of Object.keys(senders))
  test(`${sdk}: docs/SDKS.md says what was measured`, async () => {
    const column = measured.get(sdk)
    assert.equal(
      await writtenColumn(sdk),
      column,
      'run: node --import ./bin/typescript.js test/sdks/write-page.ts',
    )
  })

test('each tries again after 429 and 503, which is what we answer when we cannot keep an event', () => {
  for (const [sdk, column] of measured)
    for (const answer of ['429', '429 with Retry-After', '503', 'connection cut'])
      assert.match(column.get(answer) ?? '', 'sent again', `${sdk}, ${answer}`)
})

test.run()
