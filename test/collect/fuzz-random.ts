import { gzipSync } from 'node:zlib'
import type { Random } from '../simulator/random.ts'
import { event, type FuzzBody, hostile, plain, text } from './fuzz-bodies.ts'

/** One nobody thought of. */
export function randomBody(random: Random): FuzzBody {
  const bytes = Buffer.from(text)
  switch (random.below(8)) {
    case 0:
      return { name: 'random bytes', bytes: randomBytes(random, random.below(2_000)) }
    case 1: {
      for (let times = random.between(1, 8); times > 0; times--)
        bytes[random.below(bytes.length)] = random.below(256)
      return { name: 'changed bytes', bytes }
    }
    case 2:
      return { name: 'cut off', bytes: bytes.subarray(0, random.below(bytes.length)) }
    case 3: {
      const [from, to] = [random.below(bytes.length), random.below(bytes.length)]
      const piece = bytes.subarray(Math.min(from, to), Math.max(from, to))
      const whole = Buffer.concat([bytes.subarray(0, to), piece, bytes.subarray(to)])
      return { name: 'a piece twice', bytes: whole }
    }
    case 4: {
      const gzip = gzipSync(bytes)
      gzip[random.below(gzip.length)] = random.below(256)
      return { name: 'changed gzip', bytes: gzip, encoding: 'gzip' }
    }
    default:
      return plain('another value', JSON.stringify(changed(JSON.parse(text), random)))
  }
}

const words = [
  'type',
  'userId',
  'event',
  'properties',
  'context',
  'batch',
  'email',
  'products',
  'length',
  'constructor',
]
const others = [...hostile, 'track', 'identify', 'alias', 'x@y.example', '2026-11-22T10:00:00Z']

/** JSON that is read: the same, but for some of its values and names. */
function changed(value: unknown, random: Random, depth = 0): unknown {
  if (random.chance(0.06)) return random.pick(others)
  if (Array.isArray(value)) return value.map(item => changed(item, random, depth + 1))
  if (typeof value !== 'object' || value === null) return value
  const entries = Object.entries(value).map(([name, field]): [string, unknown] => [
    random.chance(0.04) ? random.pick(words) : name,
    changed(field, random, depth + 1),
  ])
  if (random.chance(0.1) && depth < 4)
    entries.push([random.pick(words), changed(event, random, depth + 1)])
  return Object.fromEntries(entries)
}

function randomBytes(random: Random, length: number): Buffer {
  return Buffer.from(Array.from({ length }, () => random.below(256)))
}
