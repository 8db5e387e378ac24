import fc from 'fast-check'
import { partitionFor } from '../../protocol/murmur2.ts'
import { assert, suite } from '../harness.ts'
import { kafkajsBytes } from './kafkajs-bytes.ts'

const test = suite('murmur2')

test('a key goes to the partition that kafkajs chooses', () => {
  fc.assert(
    fc.property(
      fc.uint8Array({ maxLength: 40 }),
      fc.integer({ min: 1, max: 50 }),
      (key, partitions) => {
        assert.is(
          partitionFor(key, partitions),
          kafkajsBytes.partition(Buffer.from(key), partitions),
        )
      },
    ),
  )
})

test('a key goes to the partition that the Java client chooses', () => {
  // The hashes that Kafka's own UtilsTest.testMurmur2 lists, made positive.
  const hashes = { '21': -973932308, foobar: -790332482, 'a-little-bit-long-string': -985981536 }
  for (const [key, hash] of Object.entries(hashes)) {
    assert.is(partitionFor(Buffer.from(key), 1000), (hash & 0x7fffffff) % 1000)
  }
})

test.run()
