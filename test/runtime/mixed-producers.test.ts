import { Packr } from 'msgpackr'
import { seededRandom } from '../../cli/random.ts'
import { decodeEvent } from '../../runtime/decode.ts'
import { assert, suite } from '../harness.ts'

/**
 * What the decoder has learned from one producer's events must not change what it reads in another's. So many
 * producers' events go through it mixed, each written in its producer's way, and each is held against the object that
 * was written.
 */
const test = suite('events of mixed producers', { timeoutMs: 60_000 })
const now = Date.UTC(2026, 10, 22)
const producers = 40
const events = 8_000

type Plain = Record<string, unknown>
type Random = () => number

const pick = <Value>(random: Random, values: readonly Value[]): Value =>
  values[Math.floor(random() * values.length)] as Value

const words = [
  'a',
  'price',
  'sku-1',
  'sku-10',
  'é',
  '日本',
  '\u{1f600}',
  'tab\t',
  '"',
  '\\',
  '',
  'long'.repeat(9),
]
const numbers = [0, -0, 5, 50, 5.5, -1, 1e21, 1e-7, 99.99, 2 ** 53, 1_700_000_000_000]

function scalar(random: Random): unknown {
  const kind = random()
  if (kind < 0.45) return pick(random, words)
  if (kind < 0.85) return pick(random, numbers)
  return pick(random, [true, false, null])
}

function value(random: Random, depth: number): unknown {
  const kind = random()
  if (depth === 0 || kind < 0.85) return scalar(random)
  if (kind < 0.92)
    return Array.from({ length: Math.floor(random() * 3) }, () => value(random, depth - 1))
  return object(random, pick(random, [['a'], ['price', 'quantity'], []]), depth - 1)
}

const object = (random: Random, names: readonly string[], depth: number): Plain =>
  Object.fromEntries(names.map(name => [name, value(random, depth)]))

interface Producer {
  next(random: Random): { readonly wrote: Plain; readonly bytes: Buffer }
}

/** One that has its own order of names, its own spacing, and its own properties; one in four writes msgpack. */
function producer(random: Random): Producer {
  const head = ['messageId', 'type', 'event', 'userId', 'timestamp'].sort(() => random() - 0.5)
  const rest = ['properties', 'context', 'traits', 'extra'].filter(() => random() < 0.7)
  const order = random() < 0.5 ? [...head, ...rest] : [...rest, ...head]
  const names = ['product_id', 'price', 'quantity', 'é', 'a', 'b', '7'].filter(() => random() < 0.5)
  const [colon, comma] = [
    pick(random, [':', ': ', ' : ', ':\n']),
    pick(random, [',', ', ', ',\n  ']),
  ]
  const packs = random() < 0.25
  const packr = new Packr({ useRecords: random() < 0.3 })
  let count = 0
  return {
    next(random) {
      const fields: Plain = {
        messageId: `m${count++}`,
        type: 'track',
        event: pick(random, ['Product Viewed', 'Order Completed', 'Ünusual', 'x']),
        userId: pick(random, ['user-1', 'user-22', 'ann@example.com', 'ü']),
        timestamp: pick(random, ['2026-11-20T10:00:00.000Z', '2026-02-28T23:59:59Z', now - 1]),
        properties: object(random, names, 2),
        context: object(random, ['ip', 'page', 'consent'], 2),
        traits: object(random, ['email'], 1),
        extra: value(random, 2),
      }
      const wrote = Object.fromEntries(order.map(name => [name, fields[name]]))
      if (!packs) return { wrote, bytes: Buffer.from(written(wrote, colon, comma)) }
      const bytes = Buffer.from(packr.pack(wrote))
      return { wrote: packr.unpack(bytes), bytes } // msgpackr writes a minus zero as 0
    },
  }
}

/** As JSON with a producer's own spacing, and a minus zero as it can be written, though not by JSON.stringify. */
function written(value: unknown, colon: string, comma: string): string {
  if (Object.is(value, -0)) return '-0'
  if (Array.isArray(value)) return `[${value.map(each => written(each, colon, comma)).join(comma)}]`
  if (typeof value !== 'object' || value === null) return JSON.stringify(value)
  const members = Object.entries(value).map(
    ([name, each]) => `${JSON.stringify(name)}${colon}${written(each, colon, comma)}`,
  )
  return `{${members.join(comma)}}`
}

for (const seed of [1, 2])
  test(`are read as they were written, seed ${seed}`, () => {
    const random = seededRandom(seed)
    const all = Array.from({ length: producers }, () => producer(random))
    for (let count = 0; count < events; count++) {
      const { wrote, bytes } = pick(random, all).next(random)
      const event = decodeEvent(bytes, now)
      const { properties, context, traits } = event
      const told = { properties, context, traits }
      const expected = {
        properties: wrote.properties ?? {},
        context: wrote.context ?? {},
        traits: wrote.traits ?? {},
      }
      const where = `seed ${seed}, event ${count}: ${bytes.toString()}`
      assert.is(written(told, ':', ','), written(expected, ':', ','), where)
      assert.equal(
        [event.messageId, event.type, event.event, event.userId],
        [wrote.messageId, wrote.type, wrote.event, wrote.userId],
        where,
      )
      assert.is(event.timestamp, new Date(wrote.timestamp as string | number).getTime(), where)
    }
  })

test.run()
