import fc from 'fast-check'
import { nextOffset } from '../../runtime/log.ts'
import {
  type CommittedProgress,
  encodeMarker,
  encodeMetadata,
  parseMarker,
  parseMetadata,
} from '../../runtime/progress.ts'
import { assert, suite } from '../harness.ts'

const test = suite('progress')
/** Kafka's `offset.metadata.max.bytes`. */
const metadataBytesMax = 4_096

const whole = fc.nat(Number.MAX_SAFE_INTEGER)
const anyProgress: fc.Arbitrary<CommittedProgress> = fc.record({
  next: whole.map(nextOffset),
  history: fc.uuid(),
  watermark: fc.option(whole, { nil: undefined }),
  partitions: fc.integer({ min: 1, max: 10_000 }),
  era: fc.nat(500),
  hash: fc.string(),
  generation: whole,
  last: fc.integer({ min: -1 }),
  appendedAt: fc.integer({ min: -1 }),
  tries: fc.nat(),
  hand: fc.integer({ min: -1 }),
  handDeaths: fc.nat(),
  clean: fc.boolean(),
  changelog: fc.integer({ min: -1 }),
})

test('comes back from metadata and from a marker as it went', () => {
  fc.assert(
    fc.property(anyProgress, progress => {
      const metadata = encodeMetadata(progress)
      assert.equal(parseMetadata({ next: progress.next, metadata }), { ...progress })
      assert.equal(parseMarker(encodeMarker(progress), progress.changelog), { ...progress })
    }),
  )
})

test('fits in what Kafka keeps beside an offset, however large its numbers are', () => {
  const large = Number.MAX_SAFE_INTEGER
  const progress = {
    ...{ next: nextOffset(large), history: 'h'.repeat(36), watermark: large, partitions: large },
    ...{ era: large, hash: 'f'.repeat(64), generation: large, last: large, appendedAt: large },
    ...{ tries: large, hand: large, handDeaths: large, clean: false, changelog: large },
  }
  assert.ok(Buffer.byteLength(encodeMetadata(progress)) < metadataBytesMax / 4)
})

test('has its sources in the marker, and says so beside the offset, where there is no room for them', () => {
  const sources = Array.from(
    { length: 1_000 },
    (_, partition) => [`job-${partition}`, partition, 0, 2 ** 40, null, 2 ** 41] as const,
  )
  const [sample] = fc.sample(anyProgress, { numRuns: 1, seed: 1 })
  const progress = { ...(sample as CommittedProgress), sources }
  assert.equal(parseMarker(encodeMarker(progress), progress.changelog), progress)
  const metadata = encodeMetadata(progress)
  assert.ok(Buffer.byteLength(metadata) < metadataBytesMax / 4)
  assert.is(parseMetadata({ next: progress.next, metadata })?.sources, 'in-marker')
})

test('is not read out of what others wrote', () => {
  const next = nextOffset(7)
  for (const metadata of ['', '{', 'null', '7', '[]', '{}', '{"v":1}', '{"v":0,"history":"h"}'])
    assert.is(parseMetadata({ next, metadata }), undefined, metadata)
})

test('is not read where a number is missing, broken or no number', () => {
  fc.assert(
    fc.property(
      anyProgress,
      fc.constantFrom(
        'partitions',
        'era',
        'generation',
        'last',
        'tries',
        'hand',
        'handDeaths',
        'changelog',
      ),
      fc.constantFrom(undefined, null, 1.5, '1', 2 ** 60),
      (progress, field, value) => {
        const broken = { ...JSON.parse(encodeMetadata(progress)), [field]: value }
        const metadata = JSON.stringify(broken)
        assert.is(parseMetadata({ next: progress.next, metadata }), undefined)
      },
    ),
  )
})

test.run()
