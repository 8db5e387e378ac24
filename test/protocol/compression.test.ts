import zlib from 'node:zlib'
import lz4 from 'lz4js'
import snappy from 'snappyjs'
import { type Compression, decompress } from '../../protocol/compression.ts'
import { assert, suite } from '../harness.ts'

const test = suite('compression')
const content = Buffer.from('the same words again and again, '.repeat(5000))

/** From `zstd -3`, of `content`: nothing here can write zstd on Node 20. */
const ZSTD = Buffer.from(
  'KLUv/QRYLAEA0HRoZSBzYW1lIHdvcmRzIGFnYWluIGFuZCwgAgDd/0NlTLEyBkUAAAh0AQD88A6EQmdqEA==',
  'base64',
)

function xerial(chunks: readonly Uint8Array[]): Buffer {
  const header = Buffer.from('82534e41505059000000000100000001', 'hex')
  const framed = chunks.map(chunk => {
    const compressed = snappy.compress(chunk)
    const length = Buffer.alloc(4)
    length.writeInt32BE(compressed.length)
    return Buffer.concat([length, compressed])
  })
  return Buffer.concat([header, ...framed])
}

const samples: [string, Compression, Uint8Array][] = [
  ['gzip', 1, zlib.gzipSync(content)],
  ['raw snappy', 2, snappy.compress(content)],
  ['framed snappy', 2, xerial([content.subarray(0, 32768), content.subarray(32768)])],
  ['lz4', 3, lz4.compress(content)],
  ['zstd', 4, ZSTD],
]

for (const [name, codec, compressed] of samples) {
  test(`${name} gives the content back`, () => {
    assert.ok(decompress(codec, compressed).equals(content))
  })

  test(`${name} above the bound is refused as too large`, () => {
    assert.is(
      codeOf(() => decompress(codec, compressed, 10_000)),
      'too-large',
    )
  })

  test(`${name} that is cut off or changed is refused, or gives other bytes, but nothing else happens`, () => {
    for (let at = 0; at < compressed.length; at += Math.max(1, compressed.length >> 6)) {
      const cut = compressed.slice(0, at)
      const changed = Buffer.from(compressed)
      changed[at] = (changed[at] ?? 0) ^ 0x55
      for (const bytes of [cut, changed]) {
        const code = codeOf(() => decompress(codec, bytes, 1_000_000))
        assert.ok([undefined, 'corrupt', 'truncated', 'too-large'].includes(code), code)
      }
    }
  })
}

function codeOf(work: () => unknown): string | undefined {
  try {
    work()
    return undefined
  } catch (error) {
    return error instanceof Error && 'code' in error ? String(error.code) : `not ours: ${error}`
  }
}

test.run()
