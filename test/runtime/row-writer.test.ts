import fc from 'fast-check'
import { count, defineJob, derive, lastDistinct, sum } from '../../jobs/define-job.ts'
import email from '../../jobs/email.ts'
import type { Job } from '../../jobs/job.ts'
import { Packer, packed } from '../../runtime/appends.ts'
import { type Entity, newEntity } from '../../runtime/entity.ts'
import type { PackedAppend } from '../../runtime/log.ts'
import { featureRow } from '../../runtime/outputs.ts'
import { RowWriter } from '../../runtime/row-writer.ts'
import { assert, suite } from '../harness.ts'
import { contextOf, eventOf } from '../jobs/events.ts'

const test = suite('row writer')
const startMs = Date.UTC(2026, 0, 1)

const derived = defineJob({
  name: 'derived',
  input: 'events',
  features: {
    spent: sum({ value: 'revenue', optional: true, over: '7d', every: '1h' }),
    events: count({}),
    each: derive({
      from: ['spent', 'events'],
      value: (spent, events) => spent / events || undefined,
    }),
    seen: lastDistinct({ value: 'product_id', optional: true, keep: 3 }),
  },
  segments: { many: features => features.events > 2, few: features => features.events < 5 },
})
const { writeRow: _, ...others } = derived
const withoutWriter = {
  ...others,
  row: () => ({ features: { b: 'ü', 7: 1.25, a: undefined }, segments: ['s'] }),
}
const hiding = { ...derived, hidden: () => true }

const names = ['Product Viewed', 'Product Added', 'Order Completed', 'Email Opened', 'Signed Up']
const anyEvent = fc.record({
  name: fc.constantFrom(...names),
  time: fc.nat(40 * 86_400_000),
  id: fc.constantFrom('sku-1', 'sku-22', 'Tee "grün"', '☂'),
  price: fc.oneof(
    fc.integer({ min: 0, max: 9_999 }).map(cents => cents / 100),
    fc.double(),
  ),
})
const anyKey = fc.oneof(fc.string({ minLength: 1 }), fc.string({ unit: 'grapheme', minLength: 40 }))

for (const [name, job] of Object.entries({ email, derived, withoutWriter, hiding }))
  test(`rows of ${name} are written, byte for byte, as featureRow has them`, () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(anyKey, fc.array(anyEvent), fc.boolean())), users => {
        const entities = users.map(([key, events, dropped]) =>
          entityOf(job as Job<unknown>, key, events, dropped),
        )
        const packer = new Packer(1)
        const writer = new RowWriter(job as Job<unknown>)
        for (const entity of entities) writer.add(entity, packer)
        const rows = entities.map(entity => featureRow(job as Job<unknown>, entity))
        assert.equal(sealed(packer.appends('rows', 0)), sealed(packed('rows', 0, rows)))
      }),
      { numRuns: 60 },
    )
  })

function entityOf(
  job: Job<unknown>,
  key: string,
  events: readonly { name: string; time: number; id: string; price: number }[],
  dropped: boolean,
): Entity {
  const entity = newEntity(job, key)
  entity.dropped = dropped
  for (const [at, { name, time, id, price }] of events.entries()) {
    const properties = { product_id: id, name: id, price, revenue: price, quantity: 1 + (at % 3) }
    const timestamp = startMs + time
    try {
      job.absorb(entity.state, eventOf({ event: name, timestamp, properties }), contextOf())
    } catch {
      continue // an event that the job refuses changes nothing
    }
    Object.assign(entity, { offset: 2 ** 44 * (at % 2) + at, revision: at % 5, asOf: timestamp })
    Object.assign(entity, { eventAt: timestamp, receivedAt: timestamp + price })
  }
  return entity
}

function sealed(appends: readonly PackedAppend[]): string[] {
  return appends.map(({ records }) => records.seal({ now: startMs }).toString('latin1'))
}

test.run()
