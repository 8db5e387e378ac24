import fc from 'fast-check'
import { SentLedger } from '../../collect/sent-ledger.ts'
import type { SpoolPart } from '../../collect/spool-position.ts'
import { assert, suite } from '../harness.ts'

const test = suite('what the brokers have had from memory')

type Step =
  | { readonly kind: 'spooled' | 'unspooled'; readonly records: number }
  | { readonly kind: 'acknowledged'; readonly records: number }

const step: fc.Arbitrary<Step> = fc.record({
  kind: fc.constantFrom('spooled', 'unspooled', 'acknowledged'),
  records: fc.integer({ min: 1, max: 5 }),
})

test('a part is done when all of its records were acknowledged, however late it was spooled', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), steps => {
      const ledger = new SentLedger()
      /** Of each part or refusal, the number of its last record. */
      const naive: { last: number; records: number; isPart: boolean; told: string }[] = []
      let [put, acknowledged, done] = [0, 0, 0]
      const take = (part: SpoolPart | undefined) => {
        const due = naive.filter(({ last, isPart }) => isPart && last <= acknowledged)
        const records = due.reduce((sum, each) => sum + each.records, 0)
        assert.is((part?.records ?? 0) + done, records)
        if (part !== undefined) assert.is(part.end.byte, due.at(-1)?.last)
        done = records
        for (const { last, isPart, told } of naive)
          if (!isPart) assert.is(told, last <= acknowledged ? 'safe' : '')
      }
      for (const { kind, records } of steps) {
        if (kind === 'acknowledged') {
          acknowledged += records
          take(ledger.acknowledged(records))
          continue
        }
        put += records
        const entry = { last: put, records, isPart: kind === 'spooled', told: '' }
        naive.push(entry)
        if (entry.isPart)
          take(ledger.spooled(records, { end: { segment: 1, byte: put }, records, at: 0 }))
        else {
          const tell = (told: string) => () => {
            entry.told = told
          }
          take(ledger.unspooled(records, { safe: tell('safe'), refused: tell('refused') }))
        }
      }
      ledger.end()
      for (const { last, isPart, told } of naive)
        if (!isPart) assert.is(told, last <= acknowledged ? 'safe' : 'refused')
    }),
  )
})

test.run()
