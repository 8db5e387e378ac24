import fc from 'fast-check'
import { events, tail } from '../collect/event-texts.ts'
import { edited, edits, same } from '../collect/packer-world.ts'
import { suite } from '../harness.ts'

const test = suite('20,000 batches packed from their JSON', { timeoutMs: 600_000 })

test('each is answered and kept as it would be by way of objects', async () => {
  const batch = fc.array(events, { maxLength: 4 }).map(all => all.join(', '))
  const property = fc.asyncProperty(batch, tail, edits, (batch, tail, edit) =>
    same('/v1/batch', edited(`{"batch" :[${batch}]${tail}}`, edit)),
  )
  await fc.assert(property, { numRuns: 20_000 })
})

test.run()
