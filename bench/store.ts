import { createHash } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { seededRandom } from '../cli/random.ts'
import { systemClock } from '../runtime/clock.ts'
import type { Log } from '../runtime/log.ts'
import { nextOffset } from '../runtime/log.ts'
import { restore } from '../runtime/restore.ts'
import { beginState } from '../state/codec.ts'
import { openLevelStore } from '../state/level-store.ts'
import { StateWriter } from '../state/state-writer.ts'
import type { Store } from '../state/store.ts'
import { Changelog } from './changelog-log.ts'
import { barChart } from './chart.ts'
import { sizeFlag, wholeFlag } from './flags.ts'
import { laneLog } from './lane-log.ts'
import { openProgress } from './progress.ts'
import { publish } from './publish.ts'
import { table } from './results.ts'

export const storeHelp = `npm run bench -- store [flags]

  One task's store alone: users' states of some 250 bytes put in slices of 4,000 as checkpoints do, got one by one in
  random order, put again, and restored into an empty folder from their changelog as a takeover does, with no broker.
  What is restored is held against what was put.

  --size small|large    20,000 users, or 1,000,000 (default)
  --users N             another number of users`

const sizes = { small: 20_000, large: 1_000_000 }
const sliceKeys = 4_000
const stateBytes = 230
const history = 'bench'

interface Measured {
  readonly what: 'put' | 'get' | 'put again' | 'restore'
  readonly perSecond: number
  readonly cpuMicros: number
}

/** The benchmark as the command runs it; prints as it goes, and writes bench/RESULTS.md in its large size. */
export async function store(args: readonly string[]): Promise<void> {
  const { size, users } = parse(args)
  const folder = await mkdtemp(join(tmpdir(), 'millrace-bench-store-'))
  const bar = openProgress('store', 4)
  const measured: Measured[] = []
  const measure = async (what: Measured['what'], work: () => void | Promise<void>) => {
    bar.next(what)
    const before = process.cpuUsage()
    const startedAt = systemClock.elapsed()
    await work()
    const seconds = (systemClock.elapsed() - startedAt) / 1_000
    const { user, system } = process.cpuUsage(before)
    measured.push({ what, perSecond: users / seconds, cpuMicros: (user + system) / users })
  }
  try {
    const order = shuffled(users)
    const put = await openLevelStore(join(folder, 'put'))
    await measure('put', () => putAll(put, order, 1))
    await measure('get', () => getAll(put, order))
    await measure('put again', () => putAll(put, order, 2))
    const changelog = new Changelog(changes(order), systemClock.now())
    const restored = await openLevelStore(join(folder, 'restored'))
    await measure('restore', () => restoreAll(restored, changelog))
    bar.end()
    const [hash, wanted] = [await hashOf(restored), await hashOf(put)]
    await put.close()
    await restored.close()
    if (hash !== wanted || wanted !== plainHash(users))
      throw new Error(`restored are states ${hash}, put were ${wanted}`)
    const rows = measured.map(({ what, perSecond, cpuMicros }) => [
      ...[what, Math.round(perSecond), Number(cpuMicros.toFixed(2))],
    ])
    const summary = `${table(['what', 'users/s', 'CPU µs each'], rows)}\n\n${Math.round(changelog.bytes / 2 ** 20)} MB of changelog; hash of all states: ${hash}`
    console.log(`\n${summary}`)
    if (size === 'small') return
    const titles = { title: 'One task’s store', subtitle: 'users’ states a second; more is better' }
    const bars = measured.map(({ what, perSecond }) => ({
      label: `Millrace: ${what}`,
      value: perSecond,
    }))
    barChart('store', titles, bars)
    const figures = measured.map(({ what, perSecond }) => ({
      ...{ name: what, value: Math.round(perSecond), unit: 'users/s' as const },
    }))
    const how = `${users} users, states of some ${stateBytes} bytes, slices of ${sliceKeys}`
    publish({ title: 'Store', how, summary, figures })
  } finally {
    bar.end()
    await rm(folder, { recursive: true, force: true })
  }
}

async function putAll(target: Store, order: Uint32Array, round: number): Promise<void> {
  for (let from = 0; from < order.length; from += sliceKeys) {
    const states = Array.from(
      order.subarray(from, from + sliceKeys),
      user => [`user-${user}`, stateOf(user)] as const,
    )
    const complete = round * order.length + from
    const progress = { history, complete, newest: complete, writtenAt: 0 }
    await target.write({ states, timersAdded: [], timersRemoved: [], progress })
  }
}

function getAll(source: Store, order: Uint32Array): void {
  for (const user of order.toReversed())
    if (source.get(`user-${user}`) === undefined) throw new Error(`the store has no user ${user}`)
}

function* changes(order: Uint32Array) {
  for (const user of order) yield { key: `user-${user}`, value: stateOf(user) }
}

async function restoreAll(target: Store, changelog: Changelog): Promise<void> {
  const log: Log = { ...laneLog(systemClock, 1), ...changelog.log }
  const last = changelog.records - 1
  await restore({
    ...{ log, clock: systemClock, changelog: 'changelog', partition: 0, from: 0, store: target },
    signal: new AbortController().signal,
    onProgress: () => undefined,
    progress: {
      ...{ next: nextOffset(0), history, watermark: undefined, partitions: 1, era: 0, hash: '' },
      ...{ generation: 1, last: -1, appendedAt: -1, tries: 0, hand: -1, handDeaths: 0 },
      ...{ clean: true, changelog: last },
    },
  })
}

/** Of a user's number alone, so that it can be made again for comparison. */
function stateOf(user: number): Uint8Array {
  const hours = Array.from({ length: 8 }, (_, at) => 492_000 + at + (user % 97))
  const products = Array.from({ length: 10 }, (_, at) => `sku-${(user * 31 + at * 977) % 5_000}`)
  const writer = new StateWriter()
  beginState(writer, undefined)
  writer.value([user, 0, 1.7e12 + user, hours, products, user * 1.37, 'x'.repeat(40)])
  return writer.copy()
}

function shuffled(count: number): Uint32Array {
  const random = seededRandom(1)
  const order = Uint32Array.from({ length: count }, (_, at) => at)
  for (let at = count - 1; at > 0; at--) {
    const other = Math.floor(random() * (at + 1))
    const held = order[at] ?? 0
    order[at] = order[other] ?? 0
    order[other] = held
  }
  return order
}

async function hashOf(source: Store): Promise<string> {
  const hash = createHash('sha256')
  for await (const [key, bytes] of source.entries()) hash.update(key).update(bytes)
  return hash.digest('hex').slice(0, 16)
}

function plainHash(users: number): string {
  const hash = createHash('sha256')
  const keys = Array.from({ length: users }, (_, user) => [`user-${user}`, user] as const)
  for (const [key, user] of keys.sort(([one], [other]) => (one < other ? -1 : 1)))
    hash.update(key).update(stateOf(user))
  return hash.digest('hex').slice(0, 16)
}

function parse(args: readonly string[]) {
  const { values } = parseArgs({
    args: [...args],
    options: { size: { type: 'string', default: 'large' }, users: { type: 'string' } },
  })
  const size = sizeFlag(values.size)
  const users = values.users === undefined ? sizes[size] : wholeFlag('--users', values.users)
  return { size, users }
}
