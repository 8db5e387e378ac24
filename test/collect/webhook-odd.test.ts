import { assert, suite } from '../harness.ts'
import { NOW } from './door-world.ts'
import { examples } from './webhook-examples.ts'
import { senders } from './webhook-senders.ts'
import { world } from './webhook-world.ts'

const test = suite('webhooks with odd fields')
const EACH = Number(process.env.MILLRACE_ODD_EACH ?? 25)
const odd: readonly unknown[] = [
  null,
  true,
  -1,
  1e308,
  '',
  'x'.repeat(5_000),
  '\u0000\ud800',
  [],
  [null, [], {}],
  {},
  { toString: 1, length: -1, valueOf: null },
  'constructor',
  '__proto__',
  '2026-13-99T99:99:99Z',
  '(a+)+$@example.com',
]

/** Every way to put something odd into the place of a field, however deep. */
function* spoiled(value: unknown): Generator<unknown> {
  if (typeof value !== 'object' || value === null) return
  for (const [name, field] of Object.entries(value)) {
    if (name === 'svixId' || name === 'snsId') continue // in a header, or always a text
    const put = (other: unknown) =>
      Array.isArray(value)
        ? value.map((each, at) => (String(at) === name ? other : each))
        : { ...value, [name]: other }
    for (const other of odd) yield put(other)
    for (const inner of spoiled(field)) yield put(inner)
  }
}

for (const [name, sender] of Object.entries(senders))
  test(`${name}: whatever stands in a field, it is answered in order and what is taken is an event`, async () => {
    const doors = world(sender.entry)
    const all = (examples[name] ?? []).flatMap(({ raw }) => [...spoiled(raw)])
    if (name === 'mailchimp') onlyTexts(all)
    // A step that shares no factor with the number of odd things, so that all of them and all fields have their turn.
    let step = Math.max(1, Math.floor(all.length / EACH))
    while (commonFactor(step, odd.length) > 1) step++
    for (let at = 0; at < all.length; at += step) {
      const raw = all[at]
      const answer = await doors.app.inject({ method: 'POST', ...sender.send([raw], NOW) })
      const what = `${answer.statusCode} ${answer.body} for ${JSON.stringify(raw).slice(0, 400)}`
      assert.ok([200, 400, 401, 403, 406].includes(answer.statusCode), what)
      for (const { code, path } of doors.rejected.splice(0))
        assert.match(`${code} ${path}`, /^no_user /, what)
      assert.ok(doors.events.every(({ properties }) => Object.keys(properties).length < 20))
      doors.records.length = 0
    }
  })

test.run()

function commonFactor(a: number, b: number): number {
  return b === 0 ? a : commonFactor(b, a % b)
}

/** A form has nothing else. */
function onlyTexts(all: unknown[]): void {
  const isForm = (raw: unknown) =>
    Object.values(Object(raw)).every(each => typeof each === 'string')
  all.splice(0, all.length, ...all.filter(isForm))
}
