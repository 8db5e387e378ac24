import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { ErasedList, nowhere } from '../../cli/erased-list.ts'
import { isErasedInFile } from '../../cli/past-identities.ts'
import { type ReplayedEvent, replay, replayFile } from '../../cli/replay.ts'
import { partitionFor } from '../../protocol/murmur2.ts'
import { erasedHash } from '../../runtime/erased.ts'
import { type Append, LogError, offset, type Producer } from '../../runtime/log.ts'
import { assert, rejects, suite } from '../harness.ts'

const test = suite('replay')
let folder = ''

test.before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'millrace-replay-'))
})
test.after(() => rm(folder, { recursive: true }))

test('a file of JSON lines arrives in order, each user in the partition of its key', async () => {
  const log = new Recorder()
  const lines = Array.from({ length: 5000 }, (_, n) => event(`user-${n % 40}`, n))
  const path = join(folder, 'events.ndjson')
  await writeFile(path, `${lines.join('\n')}\n`)

  const answer = await replayFile(path, { ...log.options(), onBadLine: unexpected })

  assert.equal(answer, { sent: 5000, bad: 0, erased: 0 })
  for (const [partition, values] of log.values) {
    assert.equal(
      values,
      lines.filter(line => partitionOfLine(line) === partition),
    )
  }
})

test('a gzipped file is unpacked, and a last line without a newline counts', async () => {
  const log = new Recorder()
  const path = join(folder, 'events.ndjson.gz')
  await writeFile(path, gzipSync([event('a', 1), event('b', 2)].join('\n')))
  const answer = await replayFile(path, { ...log.options(), onBadLine: unexpected })
  assert.equal(answer, { sent: 2, bad: 0, erased: 0 })
})

test('events of users who were erased after them are left out, and counted', async () => {
  const log = new Recorder()
  const list = new ErasedList()
  const at = Date.UTC(2026, 0, 1)
  list.add(erasedHash('ann'), { ...nowhere, appendedAt: at })
  const of = (body: object) => JSON.stringify({ timestamp: at - 1, ...body })
  const lines = [
    of({ userId: 'ann' }),
    of({ userId: 'bob' }),
    of({ anonymousId: 'ann' }),
    of({ userId: 'ann', timestamp: 'never' }),
    of({ userId: 'ann', timestamp: at + 3_600_000 }),
    of({}),
  ]
  const path = join(folder, 'erased.ndjson')
  await writeFile(path, lines.join('\n'))
  const isErased = (event: ReplayedEvent) => isErasedInFile(list, event, at + 1e9)
  const answer = await replayFile(path, { ...log.options(), onBadLine: unexpected, isErased })
  assert.equal(answer, { sent: 3, bad: 0, erased: 3 })
  assert.equal([...log.values.values()].flat().sort(), [lines[1], lines[4], lines[5]].sort())
})

test('bad lines are told with their number and reason, and the others are sent', async () => {
  const log = new Recorder()
  const path = join(folder, 'bad.ndjson')
  const long = JSON.stringify({ userId: 'a', text: 'x'.repeat(1_000_000) })
  await writeFile(
    path,
    [event('a', 1), '{"userId":', '[1]', '', long, '7', event('a', 2)].join('\n'),
  )
  const told: string[] = []

  const answer = await replayFile(path, {
    ...log.options(),
    onBadLine: (line, reason) => told.push(`${line} ${reason.split(':')[0]}`),
  })

  assert.equal(answer, { sent: 2, bad: 4, erased: 0 })
  assert.equal(told, [
    '2 not JSON',
    '3 not a JSON object',
    '5 longer than 1000000 bytes',
    '6 not a JSON object',
  ])
})

test('events without a user have no key and are spread over all partitions', async () => {
  const log = new Recorder()
  const events = Array.from({ length: 8 }, (_, n) => ({ key: null, value: String(n) }))
  await replay(events, log.options())
  assert.equal([...log.values.keys()].sort(), [0, 1, 2, 3])
  assert.ok([...log.values.values()].every(values => values.length === 2))
})

test('one send is under way at most, and none is larger than the broker takes', async () => {
  const log = new Recorder()
  const value = 'x'.repeat(200_000)
  await replay(
    Array.from({ length: 30 }, () => ({ key: 'a', value })),
    log.options(),
  )
  assert.equal(log.underWayMax, 1)
  assert.ok(log.sends >= 15)
  assert.ok(log.sendBytesMax <= 512 * 1024)
})

test('progress is told after each send that was acknowledged', async () => {
  const log = new Recorder()
  const told: number[] = []
  const events = Array.from({ length: 4 }, () => ({ key: 'a', value: 'x'.repeat(300_000) }))
  await replay(events, { ...log.options(), onProgress: sent => told.push(sent) })
  assert.equal(told, [1, 2, 3, 4])
})

test('a refused send ends the replay with its error', async () => {
  const log = new Recorder()
  log.failure = new LogError('refused', 'the topic is gone')
  const events = Array.from({ length: 20 }, () => ({ key: 'a', value: 'x'.repeat(300_000) }))
  await rejects(() => replay(events, log.options()), 'refused')
  assert.equal(log.sends, 1)
})

test('an aborted replay sends nothing more than what it had gathered', async () => {
  const log = new Recorder()
  const abort = new AbortController()
  async function* endless() {
    for (let n = 0; ; n++) {
      if (n === 10) abort.abort()
      yield { key: 'a', value: String(n) }
    }
  }
  assert.is(await replay(endless(), { ...log.options(), signal: abort.signal }), 10)
})

test('a file that is not there, or is no gzip, is an error', async () => {
  const log = new Recorder()
  const options = { ...log.options(), onBadLine: unexpected }
  await rejects(() => replayFile(join(folder, 'none.ndjson'), options), 'ENOENT')
  await rejects(() => replayFile(join(folder, 'none.ndjson.gz'), options), 'ENOENT')
  const path = join(folder, 'no.gz')
  await writeFile(path, 'plain')
  await rejects(() => replayFile(path, options), 'Z_DATA_ERROR')
})

test.run()

/** A producer that remembers, and takes a moment for each send. */
class Recorder implements Producer {
  readonly values = new Map<number, string[]>()
  failure: Error | undefined
  sends = 0
  sendBytesMax = 0
  underWay = 0
  underWayMax = 0

  options() {
    return { producer: this, topic: 'events', partitions: 4 }
  }

  async send(appends: readonly Append[]) {
    this.sends += 1
    this.underWay += 1
    this.underWayMax = Math.max(this.underWayMax, this.underWay)
    await new Promise(resolve => setImmediate(resolve))
    this.underWay -= 1
    if (this.failure !== undefined) throw this.failure
    let bytes = 0
    for (const { partition, records } of appends) {
      const values = this.values.get(partition) ?? []
      for (const { value } of records) {
        values.push(String(value))
        bytes += String(value).length
      }
      this.values.set(partition, values)
    }
    this.sendBytesMax = Math.max(this.sendBytesMax, bytes)
    return appends.map(() => offset(0))
  }

  close() {
    return Promise.resolve()
  }
}

function event(userId: string, n: number): string {
  return JSON.stringify({ messageId: String(n), userId })
}

function partitionOfLine(line: string): number {
  const { userId } = JSON.parse(line) as { userId: string }
  return partitionFor(Buffer.from(userId), 4)
}

function unexpected(line: number, reason: string): never {
  throw new Error(`line ${line}: ${reason}`)
}
