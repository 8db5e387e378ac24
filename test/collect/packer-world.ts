import fc from 'fast-check'
import { makePlan } from '../../collect/plan.ts'
import { assert } from '../harness.ts'
import { DoorWorld } from './door-world.ts'
import { packedEntries } from './packed-entries.ts'

// A plan is judged by objects: all events go the long way there.
export const [short, long] = [
  new DoorWorld(),
  new DoorWorld({ plan: makePlan([], { mode: 'observe' }) }),
]

const usual = { authorization: 'Bearer dev', 'user-agent': 'test/1' }
/** Sends the same to both, and holds what they answer and keep against each other. */
export async function same(
  path: string,
  body: Buffer | string,
  headers: Record<string, string> = usual,
): Promise<void> {
  const [one, other] = await Promise.all(
    [short, long].map(world => taken(world, path, body, headers)),
  )
  assert.equal(one, other, `${path} ${body}`)
}

async function taken(
  world: DoorWorld,
  path: string,
  body: Buffer | string,
  headers: Record<string, string>,
) {
  world.records.length = 0
  const answer = await world.post(path, body, headers)
  const records = world.records.map(({ topic, key, value }) => [
    ...[topic, key],
    value && JSON.stringify(packedEntries(value), comparable),
  ])
  return { status: answer.statusCode, body: answer.body, records }
}

/** Random ids are as good as each other; what JSON has no number for is told apart. */
function comparable(_name: string, part: unknown): unknown {
  if (typeof part === 'string' && madeId.test(part)) return 'a made id'
  if (Object.is(part, -0) || (typeof part === 'number' && !Number.isFinite(part)))
    return `a number: ${Object.is(part, -0) ? '-0' : part}`
  return part
}

const madeId = /^[0-9a-f]{8}-[0-9a-f-]{27}$/

/** Some of it replaced, or said twice. */
export const edits = fc.option(
  fc.record({
    at: fc.nat(),
    cut: fc.nat({ max: 3 }),
    put: fc.constantFrom(
      '',
      '"',
      '\\',
      '\\u0041',
      ',',
      '{',
      '}',
      '[',
      ']',
      '0',
      '1e5',
      '-',
      '\0',
      '\u00e9',
    ),
  }),
  { freq: 2 },
)
type Edit = { at: number; cut: number; put: string } | null

export function edited(text: string, edit: Edit): string {
  if (edit === null) return text
  const at = edit.at % (text.length + 1)
  return text.slice(0, at) + edit.put + text.slice(at + edit.cut)
}
